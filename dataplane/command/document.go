package command

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/shm"
)

// Keep puts a document into a folder under the name of its SHA-256, whole or not at all.
func Keep(folder string, text []byte) (sha [32]byte, err error) {
	if len(text) > MaxDocument {
		return sha, &Error{Compile, fmt.Sprintf("the document has %d bytes, the limit is %d", len(text), MaxDocument)}
	}
	sha = sha256.Sum256(text)
	f, err := os.CreateTemp(folder, "new-*")
	if err != nil {
		return sha, fmt.Errorf("document: %w", err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	err = errors.Join(err, f.Chmod(0o640), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), DocumentPath(folder, sha))
	}
	if err != nil {
		return sha, fmt.Errorf("document: %w", err)
	}
	return sha, nil
}

// DocumentPath is where a folder has a document.
func DocumentPath(folder string, sha [32]byte) string {
	return filepath.Join(folder, hex.EncodeToString(sha[:]))
}

// Document reads a document and checks that it is the one: others may write into the folder.
func Document(folder string, sha [32]byte) ([]byte, error) {
	path := DocumentPath(folder, sha)
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0) // neither a link's target nor a pipe's writer
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	if !st.Mode().IsRegular() || st.Size() > MaxDocument {
		return nil, fmt.Errorf("document: %s is no file of at most %d bytes", path, MaxDocument)
	}
	text, err := io.ReadAll(io.LimitReader(f, MaxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	if sha256.Sum256(text) != sha {
		return nil, fmt.Errorf("document: %s has other content than its name says", path)
	}
	return text, nil
}

// Folder is where the data plane of a segment looks for documents, empty when it keeps none.
func Folder(state *shm.File) string {
	page := PageOf(state)
	if page == nil {
		return ""
	}
	return shm.Text(page.Folder[:])
}

// Text is the text of the active or the confirmed document.
func Text(state *shm.File, document [32]byte) ([]byte, error) {
	folder := Folder(state)
	if folder == "" {
		return nil, errors.New("document: the data plane keeps none")
	}
	return Document(folder, document)
}
