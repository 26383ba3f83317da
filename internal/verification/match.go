package verification

import (
	"fmt"
	"time"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// maxEventDelay bounds the time between the acceptance of a version and its event, which comes later.
const maxEventDelay = time.Minute

// matchKey is the digest that an event commits to. An event of an earlier program has the columns that it shares with
// the version instead.
type matchKey struct {
	digest       [32]byte
	signer       string
	organisation ident.NIHII
	author       ident.SSIN
	number       ident.NotificationNumber
}

// waitingVersion is a version without its event so far.
type waitingVersion struct {
	reference    string
	version      int
	registeredAt time.Time
	digest, body [32]byte
	columns      matchKey // without digest
	hasFinding   bool
}

// matcher pairs versions with the events of the audit log. Both come in nearly the same order, so few of them wait for
// their counterpart at any time, unless somebody removed it.
type matcher struct {
	since    time.Time // what was registered or recorded before has its counterpart elsewhere
	versions map[matchKey][]*waitingVersion
	events   map[matchKey][]*platform.RecordedEvent
	waiting  int // versions and events
	overflow int // of those, the ones that there was no room for
	// recent are the patients of matched events by correlation id: a request about two persons has a second event.
	recent     map[string]ident.SSIN
	recentList []string
}

// maxWaiting bounds the memory. maxRecent bounds how many events are between the two of one request.
const (
	maxWaiting = 100_000
	maxRecent  = 1000
)

func newMatcher(since time.Time) *matcher {
	return &matcher{since: since, versions: make(map[matchKey][]*waitingVersion),
		events: make(map[matchKey][]*platform.RecordedEvent), recent: make(map[string]ident.SSIN)}
}

func (m *matcher) hasEvents() bool { return len(m.events) > 0 }

func newWaitingVersion(s *implants.StoredVersion, hasFinding bool) *waitingVersion {
	n := &s.Notification
	return &waitingVersion{
		reference: n.Reference, version: n.Version, registeredAt: n.RegisteredAt, digest: s.Digest, body: n.Digest,
		columns:    matchKey{signer: n.Signer, organisation: n.Organisation, author: n.Author, number: n.Number},
		hasFinding: hasFinding,
	}
}

// eventKey returns the key of an event.
func eventKey(e *platform.RecordedEvent) matchKey {
	if e.Stored != (platform.StoredDigests{}) {
		return matchKey{digest: e.Stored.Version}
	}
	return matchKey{signer: e.Signer, organisation: e.Organisation, author: e.Person, number: e.Number}
}

func isInTime(v *waitingVersion, e *platform.RecordedEvent) bool {
	return !e.OccurredAt.Before(v.registeredAt) && !e.OccurredAt.After(v.registeredAt.Add(maxEventDelay))
}

// addVersion pairs a version with its event, or lets it wait.
func (m *matcher) addVersion(s *implants.StoredVersion, hasFinding bool) {
	v := newWaitingVersion(s, hasFinding)
	if m.takeEvent(v) || !m.hasRoom() {
		return
	}
	for _, key := range []matchKey{{digest: v.digest}, v.columns} {
		m.versions[key] = append(m.versions[key], v)
	}
}

// addLaterVersion takes the event of a version that was stored during the verification.
func (m *matcher) addLaterVersion(s *implants.StoredVersion) {
	m.takeEvent(newWaitingVersion(s, false))
}

func (m *matcher) takeEvent(v *waitingVersion) bool {
	for _, key := range []matchKey{{digest: v.digest}, v.columns} {
		for i, e := range m.events[key] {
			if !isInTime(v, e) {
				continue
			}
			m.events[key] = append(m.events[key][:i], m.events[key][i+1:]...)
			m.waiting--
			m.forgetEmpty(key)
			m.remember(e)
			return true
		}
	}
	return false
}

// addEvent pairs an event with its version, or lets it wait.
func (m *matcher) addEvent(e *platform.RecordedEvent) {
	key := eventKey(e)
	for _, v := range m.versions[key] {
		if isInTime(v, e) {
			m.removeVersion(v)
			m.remember(e)
			return
		}
	}
	if patient, ok := m.recent[e.Correlation]; ok && patient != e.Patient { // about the other person of the request
		delete(m.recent, e.Correlation)
		return
	}
	if m.hasRoom() {
		m.events[key] = append(m.events[key], e)
	}
}

func (m *matcher) removeVersion(v *waitingVersion) {
	for _, key := range []matchKey{{digest: v.digest}, v.columns} {
		for i, other := range m.versions[key] {
			if other == v {
				m.versions[key] = append(m.versions[key][:i], m.versions[key][i+1:]...)
				break
			}
		}
		m.forgetEmpty(key)
	}
	m.waiting--
}

func (m *matcher) forgetEmpty(key matchKey) {
	if len(m.versions[key]) == 0 {
		delete(m.versions, key)
	}
	if len(m.events[key]) == 0 {
		delete(m.events, key)
	}
}

func (m *matcher) hasRoom() bool {
	if m.waiting >= maxWaiting {
		m.overflow++
		return false
	}
	m.waiting++
	return true
}

func (m *matcher) remember(e *platform.RecordedEvent) {
	if len(m.recentList) == maxRecent {
		delete(m.recent, m.recentList[0])
		m.recentList = m.recentList[1:]
	}
	m.recent[e.Correlation] = e.Patient
	m.recentList = append(m.recentList, e.Correlation)
}

// reportWaiting reports what has no counterpart. A version and an event that share the signed Body, or all columns that
// both have, belong together: one of them was changed.
func (m *matcher) reportWaiting(r *Report) {
	events := m.waitingEvents()
	seen := make(map[*waitingVersion]bool)
	for _, list := range m.versions {
		for _, v := range list {
			if seen[v] || v.registeredAt.Before(m.since) {
				continue
			}
			seen[v] = true
			var partner *platform.RecordedEvent
			for e := range events {
				if isPartner(v, e) {
					partner = e
					break
				}
			}
			delete(events, partner)
			v.report(r, partner)
		}
	}
	for e := range events {
		r.add(Finding{Table: "notification", Seq: e.Seq, Text: fmt.Sprintf("the version that the request of this row of "+
			"the audit log stored (%s, correlation %s) is missing, or the row was inserted", e.Operation, e.Correlation)})
	}
	if m.overflow > 0 {
		r.add(Finding{Table: "audit", Text: fmt.Sprintf("%d more rows have no counterpart", m.overflow)})
	}
}

// waitingEvents returns the events that have no version, without those of before.
func (m *matcher) waitingEvents() map[*platform.RecordedEvent]bool {
	events := make(map[*platform.RecordedEvent]bool)
	for _, list := range m.events {
		for _, e := range list {
			if !e.OccurredAt.Before(m.since) {
				events[e] = true
			}
		}
	}
	return events
}

func isPartner(v *waitingVersion, e *platform.RecordedEvent) bool {
	if e.Stored != (platform.StoredDigests{}) && e.Stored.Body == v.body {
		return true
	}
	return isInTime(v, e) && e.Signer == v.columns.signer && e.Number == v.columns.number
}

// report reports a version without its event, or with one that says something else.
func (v *waitingVersion) report(r *Report, e *platform.RecordedEvent) {
	f := Finding{Table: "notification", Reference: v.reference, Version: v.version}
	if e == nil {
		f.Text = "no row of the audit log has this version: it was inserted or changed, or the row was removed"
		r.add(f)
		return
	}
	before := r.Count()
	for _, column := range []struct {
		name string
		same bool
	}{
		{"registered_at", isInTime(v, e)},
		{"signer", e.Signer == v.columns.signer},
		{"organisation", e.Organisation == v.columns.organisation},
		{"author", e.Person == v.columns.author},
		{"number", e.Number == v.columns.number},
		{"digest", e.Stored == (platform.StoredDigests{}) || e.Stored.Body == v.body},
	} {
		if !column.same {
			f.Column, f.Text = column.name, fmt.Sprintf("it is not what row %d of the audit log has", e.Seq)
			r.add(f)
		}
	}
	if r.Count() == before && !v.hasFinding {
		f.Column, f.Text = "", fmt.Sprintf("row %d of the audit log commits to other rows of this version: in notification, "+
			"implant, removal, warning or evidence, a column was changed, or a row added or removed", e.Seq)
		r.add(f)
	}
}
