package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const (
	// pulseBytes is one command, and fits one frame each way.
	pulseBytes = 2048
	// pulseEvery is how often one begins, whatever became of those before.
	pulseEvery = 10 * time.Millisecond
	// pulsesMost bounds those under way: more mean that the disk is gone for good.
	pulsesMost = 4096
	// slow is a command that lost a frame: on a good path it takes a tenth of that, even on a busy machine, and one that
	// lost a frame takes three seconds.
	slow = time.Second
)

// pulse is one command: when it began since the start, how long it took, and whether it began when it was due.
type pulse struct {
	began, took time.Duration
	due         bool
}

// pulses begins a small command every 10 ms until a signal: it writes a block of the pattern, and the next time reads it
// back and compares. They wait for nothing, so that an exchange that is stuck does not keep new ones from beginning.
//
// The answer: how many, the longest, and from the first slow one on, how long commands went on beginning that were slow.
// The reads do not count for that: they begin when their writes end.
func pulses(path string, size int64, seed uint64) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_DIRECT, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	blocks := size / pulseBytes
	if blocks < 2 {
		return "", fmt.Errorf("%s: %d bytes are too few", path, size)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	var (
		mu     sync.Mutex
		done   []pulse
		errs   []error
		at     int
		all    sync.WaitGroup
		begun  = time.Now()
		places = make(chan struct{}, pulsesMost)
		due    = time.NewTicker(pulseEvery)
	)
	defer due.Stop()
	for running := true; running; {
		select {
		case <-stop:
			running = false
			continue
		case <-due.C:
		}
		select {
		case places <- struct{}{}:
		default:
			return "", fmt.Errorf("%d commands are under way and none ends", pulsesMost)
		}
		block, began := uint64(at)%uint64(blocks), time.Since(begun)
		at++
		all.Go(func() {
			took, err := beat(f, block, seed)
			mu.Lock()
			defer mu.Unlock()
			done = append(done, took.since(began)...)
			if err != nil {
				errs = append(errs, err)
			}
			<-places
		})
	}
	all.Wait()
	if len(errs) > 0 {
		return "", fmt.Errorf("%d of %d commands failed, the first: %w", len(errs), len(done), errs[0])
	}
	return report(done)
}

// times are how long writing and then reading took.
type times [2]time.Duration

// since gives both as pulses, the second begun when the first ended.
func (t times) since(began time.Duration) []pulse {
	return []pulse{{began, t[0], true}, {began + t[0], t[1], false}}
}

// beat writes a block and reads it back.
func beat(f *os.File, block, seed uint64) (took times, err error) {
	buf, want := aligned(pulseBytes), make([]byte, pulseBytes)
	fill(want, seed, block*pulseBytes/sectorBytes)
	copy(buf, want)
	start := time.Now()
	if _, err = f.WriteAt(buf, int64(block*pulseBytes)); err != nil {
		return took, fmt.Errorf("write block %d: %w", block, err)
	}
	took[0] = time.Since(start)
	clear(buf)
	start = time.Now()
	if _, err = io.ReadFull(io.NewSectionReader(f, int64(block*pulseBytes), pulseBytes), buf); err != nil {
		return took, fmt.Errorf("read block %d: %w", block, err)
	}
	took[1] = time.Since(start)
	if !bytes.Equal(buf, want) {
		err = difference(buf, want, block*pulseBytes/sectorBytes)
	}
	return took, err
}

// aligned is memory as direct I/O wants it.
func aligned(n int) []byte {
	const page = 4096
	b := make([]byte, n+page)
	return b[(page-int(uintptr(unsafe.Pointer(&b[0]))%page))%page:][:n]
}

// report says what the pulses tell.
func report(all []pulse) (string, error) {
	if len(all) == 0 {
		return "", errors.New("no command ended")
	}
	slices.SortFunc(all, func(a, b pulse) int { return int(a.began - b.began) })
	var first, last, worst time.Duration = -1, 0, 0
	late := 0
	for _, p := range all {
		worst = max(worst, p.took)
		if p.took > slow {
			late++
			if !p.due {
				continue
			}
			if last = p.began; first < 0 {
				first = p.began
			}
		}
	}
	dark := time.Duration(0)
	if first >= 0 {
		dark = last - first
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b pulse) int { return int(a.took - b.took) })
	return fmt.Sprintf("ios=%d median_ms=%d p99_ms=%d worst_ms=%d slow=%d dark_ms=%d", len(all), sorted[len(all)/2].took.Milliseconds(),
		sorted[len(all)*99/100].took.Milliseconds(), worst.Milliseconds(), late, dark.Milliseconds()), nil
}
