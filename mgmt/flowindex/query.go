package flowindex

import (
	"context"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/problem"
)

// Query asks for a page.
type Query struct {
	Filter Filter
	Sort   string    // one of Orders, - before it for the greatest first
	After  *Position // where the page before ended
	Limit  int       // 1 to MaxLimit
}

// Page is a part of the list.
type Page struct {
	Flows []Flow
	Next  *Position // nil on the last page
	Total int       // how many the filter selects
	At    time.Time // of the image
}

// scratch is what a question works with: 100 KB and some.
type scratch struct {
	rows   [rowsPerChunk]uint16
	values [rowsPerChunk]uint64
	choice choice
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// checkChunks is how many chunks are looked at before a question looks whether somebody still waits for it.
const checkChunks = 16

// List answers a query.
func (x *Index) List(ctx context.Context, q *Query) (*Page, error) {
	img, err := x.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer x.release(img)
	m, err := x.compile(img, &q.Filter)
	if err != nil {
		return nil, err
	}
	o := x.orderOf(img, q.Sort)
	if o == nil {
		return nil, problem.New(problem.Invalid, "").At("query/sort", "must be one of %s", strings.Join(Orders(), ", "))
	}
	if img.rows > largeRows { // so that lists leave cores to everything else
		select {
		case x.slots <- struct{}{}:
			defer func() { <-x.slots }()
		case <-ctx.Done():
			return nil, problem.Wrap(problem.Timeout, ctx.Err(), "The flows were not read in time.")
		}
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	limit := min(max(q.Limit, 1), MaxLimit)
	page := &Page{At: img.began}
	if page.Total, err = s.choose(ctx, img, m, o, q.After, limit+1); err != nil {
		return nil, err
	}
	first := s.choice.sorted()
	if len(first) > limit {
		first = first[:limit]
		page.Next = o.position(img, first[limit-1])
	}
	page.Flows = make([]Flow, len(first))
	for n, c := range first {
		img.describe(c.row, &page.Flows[n])
	}
	return page, nil
}

// choose goes through all rows: it counts those that the filter selects, and keeps the first behind a position.
func (s *scratch) choose(ctx context.Context, img *image, m *matcher, o *order, after *Position, keep int) (total int, err error) {
	s.choice.begin(keep)
	var start candidate
	if after != nil {
		start = o.start(after)
	}
	for n := range img.used() {
		if n%checkChunks == 0 && ctx.Err() != nil {
			return 0, problem.Wrap(problem.Timeout, ctx.Err(), "The flows were not read in time.")
		}
		c := img.chunks[n]
		rows := m.rows(c, &s.rows)
		total += len(rows)
		o.fill(c, rows, s.values[:])
		for j, i := range rows {
			v := s.values[j&(rowsPerChunk-1)]
			if s.choice.full && v > s.choice.limit.value {
				continue
			}
			one := candidate{v, c.key[i&(rowsPerChunk-1)], uint32(n)<<chunkBits | uint32(i)}
			if after == nil || start.before(one) {
				s.choice.offer(one)
			}
		}
	}
	return total, nil
}

// used is how many chunks have rows.
func (i *image) used() int { return (i.rows + rowsPerChunk - 1) >> chunkBits }

// Each gives all flows that the filter selects, in no order, until each fails. It holds no image for long: each sees parts of
// several, a flow once.
func (x *Index) Each(ctx context.Context, f *Filter, each func(*Flow) error) error {
	var era uint64
	var flows []Flow
	for n := 0; ; n++ {
		img, err := x.acquire(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			era = img.era
		}
		more := n < img.used()
		if flows = flows[:0]; more && era == img.era {
			flows, err = x.part(img, f, n, flows)
		}
		same := era == img.era
		x.release(img)
		switch {
		case err != nil:
			return err
		case !same:
			return problem.New(problem.DataplaneUnavailable, "The data plane has started anew meanwhile.")
		case !more:
			return nil
		}
		for i := range flows {
			if err := each(&flows[i]); err != nil {
				return err
			}
		}
	}
}

// part describes what the filter selects of a chunk.
func (x *Index) part(img *image, f *Filter, n int, flows []Flow) ([]Flow, error) {
	m, err := x.compile(img, f)
	if err != nil {
		return nil, err
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	for _, i := range m.rows(img.chunks[n], &s.rows) {
		flows = append(flows, Flow{})
		img.describe(uint32(n)<<chunkBits|uint32(i), &flows[len(flows)-1])
	}
	return flows, nil
}
