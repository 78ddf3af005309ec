package auth

import (
	"encoding/hex"
	"encoding/json"
	"errors"
)

// What comes from outside to be kept as it is, as a backup's records do, is held against what is written here.

var errKept = errors.New("auth: a record that is none of ours")

// CheckAccount says whether a record is an account's, and gives the account's id.
func CheckAccount(name string, body []byte) (id string, err error) {
	var u userRecord
	if json.Unmarshal(body, &u) != nil || !ValidName(name) || u.ID == "" || u.ID == localID || !u.Role.Valid() || !isLine(u.Description, MaxDescription) {
		return "", errKept
	}
	if u.Hash != "" {
		if _, err := parseSum(u.Hash); err != nil {
			return "", errKept
		}
	}
	return u.ID, nil
}

// CheckToken says whether a record is that of a token that belongs to an account.
func CheckToken(id string, body []byte, owner, ownerID string) error {
	var r tokenRecord
	if json.Unmarshal(body, &r) != nil || r.Owner != owner || r.OwnerID != ownerID || r.OwnerID == localID || !r.Role.Valid() {
		return errKept
	}
	raw, err := alphabet.DecodeString(id)
	if err != nil || len(id) != idLength || alphabet.EncodeToString(raw) != id {
		return errKept
	}
	if digest, err := hex.DecodeString(r.Digest); err != nil || len(digest) != len(credential{}.digest())/2 || r.Name == "" || !isLine(r.Name, MaxName) {
		return errKept
	}
	if len(r.Addresses) > MaxAddresses {
		return errKept
	}
	for _, p := range r.Addresses {
		if !p.IsValid() || p.Masked() != p {
			return errKept
		}
	}
	return nil
}
