package login

import (
	"cmp"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/pcap"
)

// lab is a learner with a table of its own, and a record of what it told.
type lab struct {
	t       testing.TB
	table   *Table
	learner *Learner
	changes []Change
	replica map[Addr]Login // the table as one who follows the changes knows it
	now     int64
}

func (b *lab) follow(c Change) {
	b.changes = append(b.changes, c)
	switch c.Kind {
	case Ended:
		delete(b.replica, c.Addr)
	case Conflict:
		b.replica[c.Addr] = c.Old
	default:
		b.replica[c.Addr] = c.New
	}
}

func newLab(t testing.TB, logins int, o Options) *lab {
	t.Helper()
	tab, _ := newTable(t, logins)
	b := &lab{t: t, table: tab, now: 1_700_000_000 * second, replica: make(map[Addr]Login)}
	o.OnChange = b.follow
	b.learner = NewLearner(tab, o)
	return b
}

// replay gives all frames of a capture to the learner, at the times of the capture, as coming in on one edge port.
func (b *lab) replay(file io.Reader) (frames int) {
	b.t.Helper()
	r, err := pcap.NewReader(file)
	if err != nil {
		b.t.Fatal(err)
	}
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return frames
		}
		if err != nil {
			b.t.Fatal(err)
		}
		b.now = rec.Time
		b.learner.Tick(b.now)
		b.learner.Frame(Port{Role: Edge}, b.now, rec.Data)
		frames++
	}
}

// logins lists the table by address.
func (b *lab) logins() []Login {
	return slices.SortedFunc(b.table.All(), func(x, y Login) int { return cmp.Compare(x.Addr, y.Addr) })
}

// quiet fails when one of the counters that must not have moved has.
func (b *lab) quiet(counters ...Counter) {
	b.t.Helper()
	for _, c := range counters {
		if n := b.learner.Count(c); n != 0 {
			b.t.Errorf("%s is %d, want 0", c, n)
		}
	}
}

var troubles = []Counter{
	CountBadCRC, CountBadFIP, CountBadPayload, CountDuplicateWWPN, CountAddressConflict, CountConflict, CountForeignSource,
	CountUntrusted, CountTableFull, CountENodeFull, CountNameFull, CountPendingFull, CountPendingContested, CountUnmatched,
	CountAnswerGap, CountRefused, CountNoName, CountMoved, CountReplaced, CountEnded,
}

func openGzip(t testing.TB, name string) io.Reader {
	t.Helper()
	file, err := os.Open(filepath.Join("..", "frame", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	r, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// openShared opens a capture that lies beside the repository, and skips the test when it is not there.
func openShared(t testing.TB, name string) io.Reader {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "captures", name)
	file, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not there: the shared captures lie beside the repository", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// node is what a capture must show of one N_Port.
type node struct {
	id         frame.FCID
	wwpn, wwnn frame.WWN
	mac, eNode string
	how        How
	claimed    Functions
	observed   Functions
	role       string
}

func (b *lab) check(want []node) {
	b.t.Helper()
	got := b.logins()
	if len(got) != len(want) {
		b.t.Errorf("%d logins, want %d: %+v", len(got), len(want), got)
		return
	}
	for i, w := range want {
		l := got[i]
		have := node{l.Addr.ID(), l.WWPN, l.WWNN, l.MAC.String(), l.ENode.String(), l.How, l.Claimed, l.Observed, l.Role()}
		if have != w {
			b.t.Errorf("got\n%+v, want\n%+v", have, w)
		}
		if l.Addr.Fabric() != 0 || l.Addr.VF() != 0 || l.State != Live || l.Port != 0 {
			b.t.Errorf("%v: state %v, port %d", l.Addr, l.State, l.Port)
		}
	}
}

var (
	// Linux targets claim both functions, since they can be initiators too: the role comes from who sent commands.
	oneTarget = []node{
		{0x000001, 0x2000_02fc_0100_0001, 0x1000_02fc_0100_0001, "0e:fd:00:00:00:01", "02:fc:01:00:00:01", ByClaim, Initiator, Initiator, "initiator"},
		{0x00000a, 0x2000_02fc_0a00_000a, 0x1000_02fc_0a00_000a, "0e:fd:00:00:00:0a", "02:fc:0a:00:00:0a", ByClaim, Initiator | Target, Target, "target"},
	}
	twoTargets = []node{
		{0x000001, 0x2000_02fc_0100_0001, 0x1000_02fc_0100_0001, "0e:fd:00:00:00:01", "02:fc:01:00:00:01", ByClaim, Initiator, Initiator, "initiator"},
		{0x00000a, 0x2000_02fc_0a00_000a, 0x1000_02fc_0a00_000a, "0e:fd:00:00:00:0a", "02:fc:0a:00:00:0a", ByClaim, Initiator | Target, Target, "target"},
		{0x00000b, 0x2000_02fc_0b00_000b, 0x1000_02fc_0b00_000b, "0e:fd:00:00:00:0b", "02:fc:0b:00:00:0b", ByClaim, Initiator | Target, Target, "target"},
	}
	// A fabric without FIP, under the prefix FC:FC:FC: the host at whose link it was taken, a target, another initiator.
	preFIP = []node{
		{0xed0000, 0x2008_0020_c205_7947, 0x1000_0020_c205_7947, "fc:fc:fc:ed:00:00", "00:00:00:00:00:00", BySession, Target, Target, "target"},
		{0xed0100, 0x1000_0000_c953_e162, 0x2000_0000_c953_e162, "fc:fc:fc:ed:01:00", "00:14:38:a7:21:e7", ByLogin, Initiator, Initiator, "initiator"},
		{0xed0200, 0x1000_0006_2b0d_1804, 0x2000_0006_2b0d_1804, "fc:fc:fc:ed:02:00", "00:00:00:00:00:00", BySession, Initiator, 0, "initiator"},
	}
)

// Two captures have nothing to learn: FIP of a draft of 2008, cut to 96 bytes, whose keep-alives leave the name out, and
// FCoE in the header of before 2007.
func TestOldCapturesTeachNothing(t *testing.T) {
	for name, want := range map[string]map[Counter]uint64{
		"public/fip-ka.cap": {CountFrames: 45, CountBadFIP: 21, CountNoName: 23}, // and one Clear Virtual Link of nobody we know
		"public/fcoe1.cap":  {CountFrames: 168, CountIgnored: 168},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLab(t, 16, Options{})
			b.replay(openShared(t, name))
			b.holds()
			for c, n := range b.learner.Counters() {
				if n != want[Counter(c)] {
					t.Errorf("%s is %d, want %d", Counter(c), n, want[Counter(c)])
				}
			}
		})
	}
}

func TestRealHostsAreLearntFromTheirCaptures(t *testing.T) {
	for name, c := range map[string]struct {
		open func(t testing.TB) io.Reader
		want []node
		may  []Counter // troubles that the capture really has
	}{
		"an initiator and a target":    {func(t testing.TB) io.Reader { return openGzip(t, "linux-vn2vn-login-io.pcap.gz") }, oneTarget, nil},
		"an initiator and two targets": {func(t testing.TB) io.Reader { return openGzip(t, "linux-vn2vn-three-nodes.pcap.gz") }, twoTargets, nil},
		"the same, with all I/O":       {func(t testing.TB) io.Reader { return openShared(t, "linux-vn2vn-login-io.pcap") }, oneTarget, nil},
		"a fabric without FIP":         {func(t testing.TB) io.Reader { return openShared(t, "public/fcoe-t11.cap") }, preFIP, []Counter{CountRefused}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newLab(t, 16, Options{})
			if n := b.replay(c.open(t)); n == 0 {
				t.Fatal("the capture has no frame")
			}
			b.check(c.want)
			for _, trouble := range troubles {
				if !slices.Contains(c.may, trouble) {
					b.quiet(trouble)
				}
			}
			b.sound()
			if n := b.learner.Count(CountStarted); n != uint64(len(c.want)) {
				t.Errorf("%d logins started, want %d", n, len(c.want))
			}
		})
	}
}
