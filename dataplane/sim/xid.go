package sim

// xids hands out exchange identifiers.
type xids struct {
	// roll takes the one that has been free longest. The other way takes the one that was
	// freed last, as libfc does: serial I/O then uses the same OX_ID again and again.
	roll bool
	free []uint16 // a ring when rolling, else a stack whose top is the end
	head int
	n    int
}

func newXIDs(roll bool) *xids {
	x := &xids{roll: roll, free: make([]uint16, maxExchanges), n: maxExchanges}
	for i := range x.free {
		x.free[i] = uint16(i)
		if !roll {
			x.free[i] = uint16(maxExchanges - 1 - i)
		}
	}
	return x
}

// take returns a free identifier; there may be none.
func (x *xids) take() (id uint16, ok bool) {
	if x.n == 0 {
		return 0, false
	}
	x.n--
	if x.roll {
		id = x.free[x.head]
		x.head = (x.head + 1) % maxExchanges
		return id, true
	}
	return x.free[x.n], true
}

// give frees an identifier that take returned.
func (x *xids) give(id uint16) {
	if x.roll {
		x.free[(x.head+x.n)%maxExchanges] = id
	} else {
		x.free[x.n] = id
	}
	x.n++
}
