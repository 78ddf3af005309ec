package simulation

// Shrink makes a failing plan as small as it gets within so many runs, such that it fails the same rule.
func Shrink(p *Plan, runs int, fails func(*Plan) bool) *Plan {
	best := *p
	for part := len(best.Steps) / 2; part > 0 && runs > 0; {
		smaller := false
		for from := 0; from < len(best.Steps) && runs > 0; {
			try := best
			try.Steps = append(append([]Step(nil), best.Steps[:from]...), best.Steps[min(from+part, len(best.Steps)):]...)
			runs--
			if fails(&try) {
				best, smaller = try, true
				continue
			}
			from += part
		}
		if part == 1 && !smaller {
			break
		}
		part = max(1, part/2)
	}
	for i := range best.Steps { // then fewer changes in each step
		for j := 0; j < len(best.Steps[i].Edits) && len(best.Steps[i].Edits) > 1 && runs > 0; {
			try := best
			try.Steps = append([]Step(nil), best.Steps...)
			try.Steps[i].Edits = append(append([]Edit(nil), best.Steps[i].Edits[:j]...), best.Steps[i].Edits[j+1:]...)
			runs--
			if fails(&try) {
				best = try
				continue
			}
			j++
		}
	}
	return &best
}
