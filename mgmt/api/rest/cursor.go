package rest

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"fcredirect/mgmt/problem"
)

// Cursor makes and reads the cursors of lists. A cursor holds the position behind the last item of a page, and a MAC over
// it and the filter and order of the list: what somebody made up, or took from another list, is refused before it is used.
// The key is new with each start of the role: a list then begins again.
type Cursor struct {
	key []byte
}

// macSize is how much of the MAC a cursor carries: 96 bits.
const macSize = 12

func newCursor(key []byte) *Cursor {
	if key == nil {
		key = make([]byte, 32)
		rand.Read(key) // never fails
	}
	return &Cursor{key}
}

// Encode is the cursor of a position in the list of a query: whatever says which filter and order it has.
func (c *Cursor) Encode(position any, query string) string {
	text, err := json.Marshal(position)
	if err != nil {
		panic(fmt.Sprintf("rest: cursor of a %T: %v", position, err)) // positions are plain data
	}
	return base64.RawURLEncoding.EncodeToString(append(c.mac(query, text), text...))
}

// Decode reads a cursor into the position that it was made of.
func (c *Cursor) Decode(cursor, query string, position any) error {
	bad := problem.New(problem.BadCursor, "").At("query/cursor", "is not one of this list in this order")
	if len(cursor) > base64.RawURLEncoding.EncodedLen(maxCursor) {
		return bad
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(raw) <= macSize || !hmac.Equal(raw[:macSize], c.mac(query, raw[macSize:])) {
		return bad
	}
	if json.Unmarshal(raw[macSize:], position) != nil {
		return bad
	}
	return nil
}

func (c *Cursor) mac(query string, text []byte) []byte {
	h := hmac.New(sha256.New, c.key)
	fmt.Fprintf(h, "%d:%s", len(query), query)
	h.Write(text)
	return h.Sum(nil)[:macSize:macSize]
}
