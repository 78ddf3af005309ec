package spool

import "hash/crc32"

// MaxMarks for tests.
const MaxMarks = maxMarks

// SetVersion makes a file one of another format.
func SetVersion(b []byte, v uint32) {
	le.PutUint32(b[16:], v)
	le.PutUint32(b[8:], crc32.Checksum(b[12:le.Uint32(b[12:])], castagnoli))
}

// Watch is a folder on the disk that calls before each new file.
func Watch(dir string, before func()) Files { return watched{folder(dir), before} }

type watched struct {
	folder
	before func()
}

func (w watched) Create(name string) (File, error) {
	w.before()
	return w.folder.Create(name)
}
