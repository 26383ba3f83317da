package admission

import "time"

// GiveBack releases everything that the request holds while it waits for somebody else, such as an authority that is
// asked about the caller's certificate. It needs none of it again: what follows costs a known caller's own work, and
// who waits bounds how many do.
func (a *Admission) GiveBack() {
	a.releaseSlot()
	a.permits.releaseAll()
	a.slot.acquiredAt = time.Time{} // the wait is no work that Finish could hold against the connection
}
