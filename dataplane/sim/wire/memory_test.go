package wire

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"
)

// receive collects what one Receive hands over.
func receive(t *testing.T, w Wire, wait time.Duration) [][]byte {
	t.Helper()
	var got [][]byte
	if err := w.Receive(wait, func(b []byte) { got = append(got, append([]byte(nil), b...)) }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestACableKeepsOrderAndCountsWhatIsLost(t *testing.T) {
	a, b := Cable(4)
	for i := range 6 {
		a.Send([]byte{byte(i)})
	}
	if a.Room() != 0 || b.Room() != 4 {
		t.Errorf("room %d and %d", a.Room(), b.Room())
	}
	got := receive(t, b, -1)
	if want := [][]byte{{0}, {1}, {2}, {3}}; len(got) != 4 || !bytes.Equal(bytes.Join(got, nil), bytes.Join(want, nil)) {
		t.Errorf("got %v", got)
	}
	if a.Counters() != (Counters{Sent: 4, SendDropped: 2}) || b.Counters() != (Counters{Received: 4}) {
		t.Errorf("counters %+v %+v", a.Counters(), b.Counters())
	}
}

func TestReceiveWaitsAsLongAsItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := Cable(4)
		began := time.Now()
		if got := receive(t, b, 3*time.Second); len(got) != 0 || time.Since(began) != 3*time.Second {
			t.Errorf("%d frames after %v", len(got), time.Since(began))
		}
		if got := receive(t, b, 0); len(got) != 0 {
			t.Errorf("%d frames without waiting", len(got))
		}
		time.AfterFunc(time.Second, func() { a.Send([]byte{1}) })
		began = time.Now()
		if got := receive(t, b, time.Minute); len(got) != 1 || time.Since(began) != time.Second {
			t.Errorf("%d frames after %v", len(got), time.Since(began))
		}
	})
}

func TestWakeEndsAReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := Cable(4)
		time.AfterFunc(time.Second, b.Wake)
		began := time.Now()
		receive(t, b, -1)
		if time.Since(began) != time.Second {
			t.Errorf("woke after %v", time.Since(began))
		}
		b.Wake()
		b.Wake() // two before it are as good as one
		receive(t, b, -1)
		began = time.Now()
		receive(t, b, time.Second)
		if time.Since(began) != time.Second {
			t.Error("one more wake-up than there should be")
		}
	})
}
