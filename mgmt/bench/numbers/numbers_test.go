package numbers

import "testing"

func TestNumbersKeepTheFiguresThatMeanSomething(t *testing.T) {
	for _, c := range []struct {
		v              float64
		short, exactly string
	}{
		{0, "0", "0"}, {28_100_000, "28.1 M", "28.1 M"}, {49853, "49853", "49853"}, {-142.04, "-142.0", "-142.04"}, {7.4666, "7.47", "7.4666"},
		{-99.994, "-100", "-99.994"}, {0.1234, "0.123", "0.1234"}, {12.34, "12.3", "12.34"}, {123.45, "123.5", "123.45"}, {1234.5, "1234", "1234"},
	} {
		if s, e := Short(c.v), Exactly(c.v); s != c.short || e != c.exactly {
			t.Errorf("%v is %q and %q, want %q and %q", c.v, s, e, c.short, c.exactly)
		}
	}
}
