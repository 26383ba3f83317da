package operatorpages

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/texts"
)

// State is what the service knows about itself. It holds no secret and no path of a file.
type State struct {
	Sealing      SealingState
	VerifiedAt   time.Time // when the last verification began that found nothing; zero if none is known
	Findings     int       // of the last verification by the service
	BackedUpAt   time.Time // when the last backup began; zero if none is known
	Certificates []CertificateState
	Revocation   RevocationState
	Database     DatabaseState
	Stamps       *StampState // nil without a time-stamping authority
}

// SealingState is the state of the audit log's sealing.
type SealingState struct {
	Unsealed   int64         // events
	SealedAt   time.Time     // when every event was last sealed
	Waiting    time.Duration // how long events have waited without progress
	IsStalled  bool          // they wait too long
	LostEvents int           // committed, and not there as they were
	IsCutOff   bool          // the database lacked sealed events
}

// CertificateUse is what a certificate is for.
type CertificateUse string

// The uses.
const (
	UseTLS       CertificateUse = "tls"
	UseReply     CertificateUse = "reply"
	UsePortal    CertificateUse = "portal"
	UseCard      CertificateUse = "card"
	UseAuthority CertificateUse = "authority"
)

// CertificateState is a certificate that the service uses.
type CertificateState struct {
	Use      CertificateUse
	Name     string // of an authority
	NotAfter time.Time
}

// RevocationState is what is known about revoked certificates.
type RevocationState struct {
	Lists, Overdue, Answers, Failing int
	Oldest                           time.Time // when the oldest list was issued
}

// DatabaseState is the state of the database.
type DatabaseState struct {
	Deadlines           uint64 // operations without an answer in time
	IsSilent, HasFailed bool
}

// StampState is the state of the time stamps.
type StampState struct {
	StampedAt time.Time // or when the service started
	Failures  uint64
}

// From when on the operator should look: the alarms of docs/operating.md. Certificates take time to renew.
const (
	oldBackup       = 100_000 * time.Second
	oldVerification = 200_000 * time.Second
	oldStamp        = 3_600 * time.Second
	renewalTime     = 30 * 24 * time.Hour
)

var (
	titleState   = texts.Declare("portal.operator_service")
	textYes      = texts.Declare("portal.operator_yes")
	textNo       = texts.Declare("portal.operator_no")
	textNoneYet  = texts.Declare("portal.operator_none_known")
	agoText      = texts.Declare2[string, string]("portal.operator_ago", "at", "age")
	daysText     = texts.Declare1[int]("portal.operator_days", "n")
	labelStarted = texts.Declare("portal.operator_last_began")

	certificateUses = map[CertificateUse]texts.Text{
		UseTLS:       texts.Declare("portal.operator_use_tls"),
		UseReply:     texts.Declare("portal.operator_use_reply"),
		UsePortal:    texts.Declare("portal.operator_use_portal"),
		UseCard:      texts.Declare("portal.operator_use_card"),
		UseAuthority: texts.Declare("portal.operator_use_authority"),
	}
)

// topic is a part of the state that has one judgement.
type topic struct {
	ID     string
	Title  string
	IsBad  bool // the operator should look at it
	Facts  []labelled
	Advice string
	Docs   string // the document and its section
}

type certificateRow struct {
	Use, Name, LastDay string
	IsBad              bool
}

// stateView is the page of the state.
type stateView struct {
	IsBad        bool
	Topics       []topic
	Certificates []certificateRow
}

// topicSpec describes a part of the state.
type topicSpec struct {
	id            string
	title, advice texts.Text
	docs          string
	judge         func(s *State, now time.Time) bool // whether the operator should look
	facts         func(s *State, w stateWriter) []labelled
}

// stateTopics are the parts of the state.
var stateTopics = []topicSpec{{
	id: "sealing", title: texts.Declare("portal.operator_sealing"),
	advice: texts.Declare("portal.operator_sealing_advice"), docs: "docs/audit.md, “How the log is sealed”",
	judge: func(s *State, _ time.Time) bool {
		return s.Sealing.IsStalled || s.Sealing.IsCutOff || s.Sealing.LostEvents > 0
	},
	facts: func(s *State, w stateWriter) []labelled {
		return []labelled{
			w.instant(labelSealedAt, s.Sealing.SealedAt), w.number(labelUnsealed, uint64(max(0, s.Sealing.Unsealed))),
			{labelWaiting.Translate(w.lang), w.age(s.Sealing.Waiting)}, w.truth(labelStalled, s.Sealing.IsStalled),
			w.number(labelLost, uint64(max(0, s.Sealing.LostEvents))), w.truth(labelCutOff, s.Sealing.IsCutOff),
		}
	},
}, {
	id: "verification", title: texts.Declare("portal.operator_verification"),
	advice: texts.Declare("portal.operator_verification_advice"), docs: "docs/audit.md, “Verify the register”",
	judge: func(s *State, now time.Time) bool { return s.Findings > 0 || isOld(s.VerifiedAt, now, oldVerification) },
	facts: func(s *State, w stateWriter) []labelled {
		return []labelled{w.instant(labelVerified, s.VerifiedAt), w.number(labelFindings, uint64(max(0, s.Findings)))}
	},
}, {
	id: "backup", title: texts.Declare("portal.operator_backup"), advice: texts.Declare("portal.operator_backup_advice"),
	docs:  "docs/operating.md, “Backup”",
	judge: func(s *State, now time.Time) bool { return isOld(s.BackedUpAt, now, oldBackup) },
	facts: func(s *State, w stateWriter) []labelled { return []labelled{w.instant(labelStarted, s.BackedUpAt)} },
}, {
	id: "certificates", title: texts.Declare("portal.operator_certificates"),
	advice: texts.Declare("portal.operator_certificates_advice"), docs: "docs/operating.md, “Start-up”",
	judge: func(s *State, now time.Time) bool {
		return slices.ContainsFunc(s.Certificates, func(c CertificateState) bool { return c.endsSoon(now) })
	},
	facts: func(*State, stateWriter) []labelled { return nil }, // a table
}, {
	id: "revocation", title: texts.Declare("portal.operator_revocation"),
	advice: texts.Declare("portal.operator_revocation_advice"), docs: "docs/operating.md, “Revocation”",
	judge: func(s *State, _ time.Time) bool {
		return s.Revocation.Overdue > 0 || s.Revocation.Failing > 0 || s.Revocation.Lists+s.Revocation.Answers == 0
	},
	facts: func(s *State, w stateWriter) []labelled {
		return []labelled{
			w.instant(labelOldest, s.Revocation.Oldest), w.number(labelLists, uint64(max(0, s.Revocation.Lists))),
			w.number(labelOverdue, uint64(max(0, s.Revocation.Overdue))),
			w.number(labelAnswers, uint64(max(0, s.Revocation.Answers))),
			w.number(labelFailing, uint64(max(0, s.Revocation.Failing))),
		}
	},
}, {
	id: "database", title: texts.Declare("portal.operator_database"),
	advice: texts.Declare("portal.operator_database_advice"), docs: "docs/operating.md, “Damage”",
	judge: func(s *State, _ time.Time) bool { return s.Database.IsSilent || s.Database.HasFailed },
	facts: func(s *State, w stateWriter) []labelled {
		return []labelled{
			w.truth(labelSilent, s.Database.IsSilent), w.number(labelDeadlines, s.Database.Deadlines),
			w.truth(labelFailed, s.Database.HasFailed),
		}
	},
}}

// stampTopic is shown with a time-stamping authority.
var stampTopic = topicSpec{
	id: "stamps", title: texts.Declare("portal.operator_stamps"), advice: texts.Declare("portal.operator_stamps_advice"),
	docs:  "docs/audit.md, “How the log is sealed”",
	judge: func(s *State, now time.Time) bool { return isOld(s.Stamps.StampedAt, now, oldStamp) },
	facts: func(s *State, w stateWriter) []labelled {
		return []labelled{w.instant(labelStamped, s.Stamps.StampedAt), w.number(labelStampFailures, s.Stamps.Failures)}
	},
}

var (
	labelSealedAt      = texts.Declare("portal.operator_sealed_at")
	labelUnsealed      = texts.Declare("portal.operator_unsealed")
	labelWaiting       = texts.Declare("portal.operator_waiting")
	labelStalled       = texts.Declare("portal.operator_stalled")
	labelLost          = texts.Declare("portal.operator_lost")
	labelCutOff        = texts.Declare("portal.operator_cut_off")
	labelVerified      = texts.Declare("portal.operator_verified")
	labelFindings      = texts.Declare("portal.operator_findings")
	labelOldest        = texts.Declare("portal.operator_oldest_list")
	labelLists         = texts.Declare("portal.operator_lists")
	labelOverdue       = texts.Declare("portal.operator_overdue")
	labelAnswers       = texts.Declare("portal.operator_answers")
	labelFailing       = texts.Declare("portal.operator_failing")
	labelSilent        = texts.Declare("portal.operator_silent")
	labelDeadlines     = texts.Declare("portal.operator_deadlines")
	labelFailed        = texts.Declare("portal.operator_failed")
	labelStamped       = texts.Declare("portal.operator_stamped")
	labelStampFailures = texts.Declare("portal.operator_stamp_failures")
)

// isOld reports whether an instant is unknown, or longer ago than a time.
func isOld(at, now time.Time, limit time.Duration) bool { return at.IsZero() || now.Sub(at) > limit }

func (c CertificateState) endsSoon(now time.Time) bool { return c.NotAfter.Sub(now) < renewalTime }

// stateWriter writes facts in a language.
type stateWriter struct {
	lang texts.Lang
	now  time.Time
}

func (w stateWriter) number(label texts.Text, n uint64) labelled {
	return labelled{label.Translate(w.lang), strconv.FormatUint(n, 10)}
}

func (w stateWriter) truth(label texts.Text, isTrue bool) labelled {
	answer := textNo
	if isTrue {
		answer = textYes
	}
	return labelled{label.Translate(w.lang), answer.Translate(w.lang)}
}

func (w stateWriter) instant(label texts.Text, at time.Time) labelled {
	value := textNoneYet.Translate(w.lang)
	if !at.IsZero() {
		value = agoText.With(formatInstant(at), w.age(w.now.Sub(at))).Translate(w.lang)
	}
	return labelled{label.Translate(w.lang), value}
}

// age writes a time in its largest unit, rounded down.
func (w stateWriter) age(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return strconv.Itoa(int(max(0, d)/time.Second)) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d < day:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	}
	return daysText.With(int(d / day)).Translate(w.lang)
}

// showState shows the state of the service. It reads nothing of the register.
func (p *Pages) showState(w http.ResponseWriter, r *http.Request) {
	state := p.ReadState(r.Context())
	p.frame.Render(w, r, "operator-state.html", Page{
		Title: titleState, Section: sectionState, Content: newStateView(&state, p.Now(), p.frame.Language(r)),
	})
}

func newStateView(s *State, now time.Time, l texts.Lang) stateView {
	specs := stateTopics
	if s.Stamps != nil {
		specs = append(slices.Clone(specs), stampTopic)
	}
	var view stateView
	for _, spec := range specs {
		t := topic{
			ID: spec.id, Title: spec.title.Translate(l), IsBad: spec.judge(s, now),
			Facts: spec.facts(s, stateWriter{l, now}), Advice: spec.advice.Translate(l), Docs: spec.docs,
		}
		view.IsBad = view.IsBad || t.IsBad
		view.Topics = append(view.Topics, t)
	}
	all := slices.SortedStableFunc(slices.Values(s.Certificates), func(a, b CertificateState) int {
		return cmp.Compare(a.NotAfter.Unix(), b.NotAfter.Unix())
	})
	for _, c := range all {
		view.Certificates = append(view.Certificates, certificateRow{
			Use: certificateUses[c.Use].Translate(l), Name: c.Name, IsBad: c.endsSoon(now),
			LastDay: c.NotAfter.In(ident.BelgianTime()).Format("02/01/2006"),
		})
	}
	return view
}
