package job

// Progress is how work says how far it is. Its methods may be called from any goroutine, also after the job has ended.
type Progress struct {
	m *Manager
	t *task
}

// Phase says in words what is done now.
func (p *Progress) Phase(text string) {
	p.change(func(j *Job) { j.Phase = clip(text, phaseMax) })
}

// Of says how much there is to do; 0 is not known.
func (p *Progress) Of(total int64) {
	p.change(func(j *Job) { j.Total = max(total, 0) })
}

// Add says that so much more is done.
func (p *Progress) Add(n int64) {
	p.change(func(j *Job) { j.Progress += max(n, 0) })
}

// change leaves ended jobs as they are: work that was left behind may still say something.
func (p *Progress) change(do func(*Job)) {
	if p == nil || p.m == nil {
		return
	}
	p.m.mu.Lock()
	defer p.m.mu.Unlock()
	if p.t.State.Ended() {
		return
	}
	do(&p.t.Job)
	p.m.changed()
}
