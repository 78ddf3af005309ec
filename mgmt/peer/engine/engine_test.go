package engine

import (
	"testing"

	"fcredirect/mgmt/peer/record"
)

func TestTwoNodesComeToHaveTheSame(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	for i := range uint64(100) {
		w.put("a", record.High, login(i), i)
		w.put("b", record.High, login(i), 1000+i)
	}
	w.all()
	w.run(50 * ms)
	w.same()
	for i := range uint64(100) {
		w.put("a", record.Normal, counts(i), i)
		w.put("a", record.High, flowKey(i), 7*i)
	}
	w.engines["a"].Delete(w.now, record.High, login(3))
	w.run(60 * ms)
	w.same()
	if v := w.value("b", "a", flowKey(9)); v != 63 {
		t.Errorf("flow is %d", v)
	}
	slot, _ := w.engines["b"].Slot("a")
	if _, ok := w.engines["b"].Get(slot, login(3)); ok {
		t.Error("a deleted record is there")
	}
	if !w.engines["a"].Synced("b") || !w.engines["b"].Synced("a") || w.told("a", Synced) != 1 {
		t.Errorf("not synced: %v", w.notices)
	}
}
