package scsi

import "fmt"

// Disk is a sparse array of blocks. Chunks are taken when first written.
type Disk struct {
	blocks uint64
	chunks [][]byte
}

// NewDisk makes an empty disk of the given number of blocks.
func NewDisk(blocks uint64) (*Disk, error) {
	if blocks == 0 || blocks > MaxBlocks {
		return nil, fmt.Errorf("make disk of %d blocks: want 1 to %d", blocks, MaxBlocks)
	}
	return &Disk{blocks: blocks, chunks: make([][]byte, (blocks+chunkBlocks-1)/chunkBlocks)}, nil
}

// Blocks is the capacity.
func (d *Disk) Blocks() uint64 { return d.blocks }

// ReadAt fills dst from the byte offset. The caller has checked the range against the
// capacity; what is outside reads as zeros.
func (d *Disk) ReadAt(dst []byte, offset uint64) {
	for len(dst) > 0 {
		chunk, at := offset/(chunkBlocks*BlockSize), offset%(chunkBlocks*BlockSize)
		n := min(uint64(len(dst)), chunkBlocks*BlockSize-at)
		if chunk < uint64(len(d.chunks)) && d.chunks[chunk] != nil {
			copy(dst[:n], d.chunks[chunk][at:])
		} else {
			clear(dst[:n])
		}
		dst, offset = dst[n:], offset+n
	}
}

// WriteAt stores src at the byte offset; what would lie outside is not stored.
func (d *Disk) WriteAt(src []byte, offset uint64) {
	for len(src) > 0 {
		chunk, at := offset/(chunkBlocks*BlockSize), offset%(chunkBlocks*BlockSize)
		n := min(uint64(len(src)), chunkBlocks*BlockSize-at)
		if chunk >= uint64(len(d.chunks)) {
			return
		}
		if d.chunks[chunk] == nil {
			d.chunks[chunk] = make([]byte, chunkBlocks*BlockSize)
		}
		copy(d.chunks[chunk][at:], src[:n])
		src, offset = src[n:], offset+n
	}
}
