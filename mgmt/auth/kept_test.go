package auth

import "testing"

func TestWhatIsKeptPassesAsARecordOfOurs(t *testing.T) {
	w := newWorld(t).with("alice", Admin)
	a := &Actor{Name: "alice", Role: Admin}
	made, _, err := w.CreateToken(t.Context(), a, TokenDraft{Name: "t", Addresses: prefixes("10.1.0.0/16")}, false)
	if err != nil {
		t.Fatal(err)
	}
	account, _ := w.store.Get(kindUser, "alice")
	id, err := CheckAccount("alice", account.Body)
	if err != nil || id == "" {
		t.Fatal(id, err)
	}
	token, _ := w.store.Get(kindToken, made.ID)
	if err := CheckToken(made.ID, token.Body, "alice", id); err != nil {
		t.Error(err)
	}
	if CheckToken(made.ID, token.Body, "alice", "another") == nil || CheckToken("../x", token.Body, "alice", id) == nil {
		t.Error("a token of another account, or without an id, passes")
	}
}
