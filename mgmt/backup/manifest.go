package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// BackupManifest is the first entry of an archive.
type BackupManifest struct {
	Format   int            `json:"format"`
	Product  string         `json:"product"`
	Version  string         `json:"version" doc:"of the software that made it"`
	ABI      int            `json:"abi" doc:"of the segment"`
	Node     string         `json:"node"`
	Made     time.Time      `json:"made"`
	By       string         `json:"by"`
	Revision uint64         `json:"revision" doc:"of the policy that was in force"`
	Settings uint64         `json:"settings" doc:"revision of the settings"`
	Lineage  string         `json:"lineage" doc:"of the settings: revisions of another one have nothing to do with these"`
	Records  map[string]int `json:"records" doc:"records by kind"`
	Notes    []string       `json:"notes,omitempty"`
	Members  []BackupMember `json:"members"`
}

// BackupMember is an entry of the archive.
type BackupMember struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

const product = "fc-redirect"

// The names that there are.
const (
	manifestName = "manifest.json"
	settingsName = "settings.jsonl"
	activeName   = "active.yaml"
	pendingName  = "pending.yaml"
	historyName  = "history.jsonl"
	rolesName    = "roles.json"
)

var memberNames = []string{settingsName, activeName, pendingName, historyName, rolesName}

func memberOf(name string, content []byte) BackupMember {
	sum := sha256.Sum256(content)
	return BackupMember{name, int64(len(content)), hex.EncodeToString(sum[:])}
}
