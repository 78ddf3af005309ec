package record

import "testing"

func TestEveryKindHasAShapeThatFits(t *testing.T) {
	want := map[Kind]int{Login: loginFields, Flow: flowFields, Count: countFields, Service: serviceFields, Node: nodeFields}
	for k := None + 1; k < numKinds; k++ {
		if k.Fields() != want[k] || k.Fields() > MaxFields || k.String() == "" || !k.Known() {
			t.Errorf("%v has %d fields, want %d", k, k.Fields(), want[k])
		}
	}
	if numKinds.Known() || numKinds.Fields() != 0 || None.Known() || numKinds.String() != "unknown" {
		t.Error("a kind that is not known is said to be")
	}
}

func TestCountsAreAStreamOfTheirOwn(t *testing.T) {
	if got := Counts.Kinds(); len(got) != 1 || got[0] != Count {
		t.Errorf("counts: %v", got)
	}
	if got := len(State.Kinds()); got != int(numKinds)-2 {
		t.Errorf("state has %d kinds", got)
	}
}
