package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"fcredirect/mgmt/problem"
)

// Cost is what hashing a password costs.
type Cost struct {
	Memory uint32 // KiB
	Time   uint32 // passes
}

// DefaultCost is some 0.1 s of one core. RFC 9106 has 64 MiB for its second choice; half of that is what an appliance
// gives, with hashesAtOnce at a time.
var DefaultCost = Cost{Memory: hashMemory, Time: hashTime}

const (
	saltBytes = 16
	sumBytes  = 32
	lanes     = 1 // one core each: others wait for theirs
)

// hasher hashes a bounded number of passwords at a time.
type hasher struct {
	cost    Cost
	timeout time.Duration // of who waits; tests have more
	slots   chan struct{}
	waiting atomic.Int32
	dummy   string // a hash of no password, for names that are not known
}

func newHasher(cost Cost) *hasher {
	h := &hasher{cost: cost, timeout: hashTimeout, slots: make(chan struct{}, hashesAtOnce)}
	h.dummy = sum{cost: cost, salt: make([]byte, saltBytes), hash: make([]byte, sumBytes)}.String()
	return h
}

// enter waits for a turn.
func (h *hasher) enter(ctx context.Context) (leave func(), err error) {
	if h.waiting.Add(1) > hashesWaiting {
		h.waiting.Add(-1)
		return nil, problem.New(problem.Busy, "Too many sign in at once.").In(2 * time.Second)
	}
	defer h.waiting.Add(-1)
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, problem.Wrap(problem.Busy, ctx.Err(), "Too many sign in at once.").In(2 * time.Second)
	}
}

// hash makes the text that is stored.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	s := sum{cost: h.cost, salt: make([]byte, saltBytes)}
	rand.Read(s.salt) // never fails: the program would end
	s.hash = s.of(password)
	return s.String(), nil
}

// verify says whether a password is the one that was hashed. Without a stored hash it takes as long and says no.
func (h *hasher) verify(ctx context.Context, stored, password string) (bool, error) {
	known := stored != ""
	if !known {
		stored = h.dummy
	}
	s, err := parseSum(stored)
	if err != nil {
		return false, err
	}
	leave, err := h.enter(ctx)
	if err != nil {
		return false, err
	}
	defer leave()
	same := subtle.ConstantTimeCompare(s.of(password), s.hash) == 1
	return same && known, nil
}

// outdated says whether a stored hash costs less than one that is made now.
func (h *hasher) outdated(stored string) bool {
	s, err := parseSum(stored)
	return err != nil || s.cost.Memory < h.cost.Memory || s.cost.Time < h.cost.Time
}

// sum is a hash with what it was made of but the password.
type sum struct {
	cost       Cost
	salt, hash []byte
}

func (s sum) of(password string) []byte {
	return argon2.IDKey([]byte(password), s.salt, s.cost.Time, s.cost.Memory, lanes, sumBytes)
}

// String is the usual form: $argon2id$v=19$m=32768,t=3,p=1$salt$hash.
func (s sum) String() string {
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, s.cost.Memory, s.cost.Time, lanes, e.EncodeToString(s.salt), e.EncodeToString(s.hash))
}

var errSum = errors.New("auth: a stored password hash cannot be read")

func parseSum(text string) (s sum, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return s, errSum
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &s.cost.Memory, &s.cost.Time); n != 2 || err != nil {
		return s, errSum
	}
	if s.cost.Memory < 8 || s.cost.Memory > maxHashMemory || s.cost.Time < 1 || s.cost.Time > maxHashTime {
		return s, errSum
	}
	if s.salt, err = base64.RawStdEncoding.Strict().DecodeString(parts[4]); err != nil || len(s.salt) < 8 {
		return s, errSum
	}
	if s.hash, err = base64.RawStdEncoding.Strict().DecodeString(parts[5]); err != nil || len(s.hash) != sumBytes || s.String() != text {
		return s, errSum
	}
	return s, nil
}
