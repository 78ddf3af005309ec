package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// CheckFields says whether the log can take encoded fields that another process sends: an object that is within bounds,
// and that PostgreSQL takes and gives back as it was. One that it refuses would hold up all events behind it. Which
// fields there are is not checked: the sender may be newer.
func CheckFields(fields []byte) error {
	switch {
	case len(fields) > MaxFields:
		return fmt.Errorf("its fields have %d bytes, the limit is %d", len(fields), MaxFields)
	case len(fields) == 0 || fields[0] != '{' || !json.Valid(fields):
		return errors.New("its fields are no object")
	case !utf8.Valid(fields):
		return errors.New("its fields are no UTF-8")
	}
	for i := 0; i < len(fields); i++ { // a backslash is always in a string, and two or six bytes long
		if fields[i] != '\\' {
			continue
		}
		if i++; fields[i] == 'u' {
			if r, _ := strconv.ParseUint(string(fields[i+1:i+5]), 16, 32); r == 0 || r >= 0xd800 && r < 0xe000 {
				return fmt.Errorf("its fields have U+%04X, which is no text", r)
			}
		}
	}
	d := json.NewDecoder(bytes.NewReader(fields))
	d.UseNumber()
	for {
		token, err := d.Token()
		if err != nil {
			return nil // the end: it is valid
		}
		if n, ok := token.(json.Number); ok && !isWhole(n.String()) {
			return fmt.Errorf("its fields have the number %.20s: only whole ones are taken", n)
		}
	}
}

// isWhole says whether a number is written as Encode does.
func isWhole(n string) bool {
	if i, err := strconv.ParseInt(n, 10, 64); err == nil {
		return strconv.FormatInt(i, 10) == n
	}
	_, err := strconv.ParseUint(n, 10, 64)
	return err == nil
}
