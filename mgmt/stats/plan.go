package stats

import "time"

// segment is a piece of a range that one level answers, with what the finer ones have for it that has not come there yet.
type segment struct {
	level    int
	from, to time.Time
}

// plan cuts a range into segments, of levels up to most: whole hours of hours, and at the edges minutes and seconds, so
// that what is read is little and the sum exact. Where the finer samples are gone the range grows to the next whole
// bucket of those that are there.
func plan(from, to time.Time, floors [numLevels]time.Time, most int) (a, b time.Time, list []segment) {
	for level := second; level < hour; level++ {
		next := bucket[level+1]
		// The pieces between the ends and the next whole buckets must be read at this level. An end that an edge of a
		// finer level made is whole for this one.
		if up := floor(from, next); !up.Equal(from) && from.Before(floors[level]) {
			from = up
		}
		if down := floor(to, next); !down.Equal(to) && down.Before(floors[level]) {
			to = down.Add(next)
		}
	}
	left, right := from, to
	var end []segment
	level := second
	for ; level < most; level++ {
		next := bucket[level+1]
		up, down := floor(left.Add(next-time.Microsecond), next), floor(right, next)
		if !up.Before(down) {
			break
		}
		if left.Before(up) {
			list = append(list, segment{level, left, up})
		}
		if down.Before(right) {
			end = append(end, segment{level, down, right})
		}
		left, right = up, down
	}
	list = append(list, segment{level, left, right})
	for i := len(end) - 1; i >= 0; i-- {
		list = append(list, end[i])
	}
	return from, to, list
}
