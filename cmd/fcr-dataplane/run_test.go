package main

import (
	"log/slog"
	"testing"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/revision"
)

func TestTheConfirmedPolicyStaysInForceWhenItsFolderCannotBeWritten(t *testing.T) {
	cfg := &boot.Config{Node: "node", StateDir: t.TempDir()}
	text := []byte("policies:\n  - {name: p, match: {initiator: any, target: any, vsan: any}, action: drop}\n")
	doc, err := policy.Parse("policy", text)
	if err != nil {
		t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil {
		t.Fatal(err)
	}
	folder, err := revision.OpenFolder(cfg.StateDir, cfg.Node)
	if err != nil {
		t.Fatal(err)
	}
	if seed, err := seedOf(runOptions{}, cfg, nil, slog.New(slog.DiscardHandler)); seed != nil || err != nil {
		t.Fatalf("nothing was confirmed, and there is %v, %v", seed, err)
	}
	sha, err := command.Keep(folder.Documents(), text)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Save(&revision.Saved{Revision: 7, Document: sha}, flat); err != nil {
		t.Fatal(err)
	}
	seed, err := seedOf(runOptions{policy: "another.yaml"}, cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil || seed == nil || seed.Revision != 7 || seed.Document != sha || string(seed.Flat) != string(flat) {
		t.Fatalf("%+v, %v", seed, err)
	}
}
