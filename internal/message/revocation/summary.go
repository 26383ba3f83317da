package revocation

import "time"

// Summary says how much is known about revocation, and how old it is.
type Summary struct {
	Lists   int // known
	Overdue int // of them, past their next update
	// Oldest is when the oldest of the lists was issued, zero without lists.
	Oldest  time.Time
	Answers int // certificates with an answer about them alone
	Failing int // lists and answers that were asked for in vain the last time
}

// Summarize returns what is known now.
func (r *StatusChecker) Summarize() Summary {
	var s Summary
	now := r.options.Now()
	for _, lists := range r.snapshot.Load().byIssuer {
		for _, l := range lists {
			s.Lists++
			if now.After(l.period.nextUpdate) {
				s.Overdue++
			}
			if s.Oldest.IsZero() || l.period.thisUpdate.Before(s.Oldest) {
				s.Oldest = l.period.thisUpdate
			}
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, task := range r.crlTasks {
		s.countTask(task)
	}
	for _, c := range r.certificates {
		if !c.status.period.thisUpdate.IsZero() {
			s.Answers++
		}
		s.countTask(c.ocspTask)
	}
	return s
}

func (s *Summary) countTask(task *fetchTask) {
	if task != nil && task.failures > 0 {
		s.Failing++
	}
}
