package login

// sound checks what must hold at every moment: the indexes hold each login once and nothing else, every login is one
// that a warm start would take, nothing is beyond its bound, and whoever followed the changes has the same table.
func (b *lab) sound() {
	b.t.Helper()
	l, n := b.learner, 0
	for i := range b.table.each() {
		login := b.table.read(i)
		n++
		if !login.possible() {
			b.t.Errorf("impossible: %+v", login)
		}
		if b.table.find(login.Addr) != i {
			b.t.Errorf("%v cannot be found", login.Addr)
		}
		var named, behind int
		for j := range l.named(login.Addr.space(), login.WWPN) {
			if j == i {
				named++
			}
		}
		for j := range l.behind(login.Addr.space(), login.ENode) {
			if j == i {
				behind++
			}
		}
		if named != 1 || (behind == 1) == login.ENode.IsZero() {
			b.t.Errorf("%v is %d times among its name's, %d times among its ENode's", login.Addr, named, behind)
		}
		if d := login.deadline(); d+int64(scanPause) < l.nextScan && l.nextScan > b.now {
			b.t.Errorf("%v ends at %d, the next walk is at %d", login.Addr, d, l.nextScan)
		}
	}
	if n != b.table.Len() || n > b.table.limit {
		b.t.Errorf("%d logins, counted %d, limit %d", n, b.table.Len(), b.table.limit)
	}
	if len(b.replica) != n {
		b.t.Errorf("%d logins by the changes, %d in the table", len(b.replica), n)
	}
	for a, want := range b.replica {
		got, ok := b.table.Resolve(a)
		got.LastSeen, got.ENodeSeen = 0, 0
		if want.LastSeen, want.ENodeSeen = 0, 0; !ok || got != want {
			b.t.Errorf("by the changes %+v, in the table %+v", want, got)
		}
	}
	for _, x := range []*index{&l.byName, &l.byENode} {
		for i, c := range x.where {
			if used := b.table.slots[i][wAddr].Load(); c >= 0 && (used == addrEmpty || used == addrTombstone) {
				b.t.Errorf("slot %d is in an index, and holds no login", i)
			}
		}
	}
}
