// Command diskcheck fills a disk, or the file behind one, with a pattern and later proves that the pattern is still there.
//
// It runs inside the guests of the lab (ci/lab), as a static binary in their initramfs, because busybox can neither make
// a reproducible pattern nor say where a comparison failed. Nothing else may use it.
//
//	diskcheck write|verify|pulse DEVICE BYTES SEED
//
// Every 512-byte sector is a function of the seed and of its own number, and carries both in its first 16 bytes: data
// that come back from the wrong place, or from an earlier write, are told apart from data that were damaged.
//
// Output is one line on stdout, key=value, exit code 0; or one line that says what is wrong, exit code 1.
package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"time"
)

const (
	sectorBytes = 512
	// chunkBytes is what one read or write call asks for; the kernel cuts it to what the disk allows.
	chunkBytes = 1 << 20
	// ioctlFlushBuffers is BLKFLSBUF of linux/fs.h: write back and forget the buffers of a block device.
	ioctlFlushBuffers = 0x1261
)

func main() {
	line, err := run(os.Args[1:])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(line)
}

func run(args []string) (string, error) {
	if len(args) != 4 {
		return "", errors.New("usage: diskcheck write|verify|pulse DEVICE BYTES SEED")
	}
	verb, path := args[0], args[1]
	size, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil || size <= 0 || size%sectorBytes != 0 {
		return "", fmt.Errorf("size %q: want a positive number of bytes, a multiple of %d", args[2], sectorBytes)
	}
	seed, err := strconv.ParseUint(args[3], 10, 64)
	if err != nil {
		return "", fmt.Errorf("seed %q: want a number", args[3])
	}
	start := time.Now()
	switch verb {
	case "write":
		err = write(path, size, seed)
	case "verify":
		err = verify(path, size, seed)
	case "pulse":
		return pulses(path, size, seed)
	default:
		err = fmt.Errorf("verb %q: want write, verify or pulse", verb)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("bytes=%d ms=%d", size, time.Since(start).Milliseconds()), nil
}

// write puts the pattern on the disk and returns only when the disk says that it has it.
func write(path string, size int64, seed uint64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, chunkBytes)
	for off := int64(0); off < size; off += chunkBytes {
		chunk := buf[:min(chunkBytes, size-off)]
		fill(chunk, seed, uint64(off/sectorBytes))
		if _, err := f.Write(chunk); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush %s: %w", path, err)
	}
	return f.Close()
}

// verify drops what the page cache holds, so that the data come from the disk, and compares.
func verify(path string, size int64, seed uint64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := dropCaches(f); err != nil {
		return err
	}
	got, want := make([]byte, chunkBytes), make([]byte, chunkBytes)
	for off := int64(0); off < size; off += chunkBytes {
		n := min(chunkBytes, size-off)
		if _, err := io.ReadFull(f, got[:n]); err != nil {
			return fmt.Errorf("read %s at byte %d: %w", path, off, err)
		}
		first := uint64(off / sectorBytes)
		fill(want[:n], seed, first)
		if !bytes.Equal(got[:n], want[:n]) {
			return difference(got[:n], want[:n], first)
		}
	}
	return nil
}

// dropCaches makes the kernel forget f's pages. For a regular file (tmpfs: the pages are the file) there is nothing to do.
func dropCaches(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Mode().IsRegular() {
		return nil
	}
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), ioctlFlushBuffers, 0); errno != 0 {
		return fmt.Errorf("flush buffers of %s: %w", f.Name(), errno)
	}
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0); err != nil {
		return fmt.Errorf("drop caches: %w", err)
	}
	return nil
}

// fill writes the pattern of sectors first, first+1, ... into b.
func fill(b []byte, seed, first uint64) {
	for n := first; len(b) >= sectorBytes; n++ {
		binary.LittleEndian.PutUint64(b, n)
		binary.LittleEndian.PutUint64(b[8:], seed)
		random := rand.NewPCG(seed, n)
		for i := 16; i < sectorBytes; i += 8 {
			binary.LittleEndian.PutUint64(b[i:], random.Uint64())
		}
		b = b[sectorBytes:]
	}
}

// difference says how much is wrong and what stands in the first bad sector.
func difference(got, want []byte, first uint64) error {
	bad, at := 0, -1
	for off := 0; off < len(got); off += sectorBytes {
		if !bytes.Equal(got[off:off+sectorBytes], want[off:off+sectorBytes]) {
			if bad++; at < 0 {
				at = off
			}
		}
	}
	sector, seed := binary.LittleEndian.Uint64(got[at:]), binary.LittleEndian.Uint64(got[at+8:])
	rest := make([]byte, sectorBytes)
	fill(rest, seed, sector)
	what := "damaged data"
	switch {
	case bytes.Equal(got[at:at+sectorBytes], rest):
		what = fmt.Sprintf("what was written to sector %d with seed %d", sector, seed)
	case bytes.Equal(got[at:at+sectorBytes], make([]byte, sectorBytes)):
		what = "zeroes"
	}
	return fmt.Errorf("sector %d holds %s; %d of %d sectors of this megabyte differ", first+uint64(at/sectorBytes), what, bad, len(got)/sectorBytes)
}
