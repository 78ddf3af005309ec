package spool

import "hash/crc32"

// MaxMarks for tests.
const MaxMarks = maxMarks

// SetVersion makes a file one of another format.
func SetVersion(b []byte, v uint32) {
	le.PutUint32(b[16:], v)
	le.PutUint32(b[8:], crc32.Checksum(b[12:le.Uint32(b[12:])], castagnoli))
}
