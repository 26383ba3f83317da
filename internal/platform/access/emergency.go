package access

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/texts"
)

// This file admits emergencies, in which a doctor reads the data of a patient with whom they have no care relation.
// None is refused for its number, because a life may depend on it: beyond some patients a day each further one must
// wait, and the operator is told.

// Emergency is an emergency that a caller claims, zero for none.
type Emergency struct {
	Reason  string
	Patient ident.SSIN
	// IsUnnamed says that the request does not name the patient, or names two.
	IsUnnamed bool
}

// The length of an emergency reason, in characters.
const minReasonLength, maxReasonLength = 10, 200

// AppendDefects adds what is wrong with the emergency, as far as the request alone shows it.
func (e Emergency) AppendDefects(defects []*problem.Error) []*problem.Error {
	if e.Reason == "" {
		return defects
	}
	all := slices.Clip(defects)
	if !isTelling(e.Reason) {
		all = append(all, problem.New(EmergencyBlank).WithPath("EmergencyReason"))
	}
	if e.IsUnnamed && len(defects) == 0 {
		all = append(all, problem.New(EmergencyUnnamed).WithPath("EmergencyPatient"))
	}
	return all
}

// isTelling reports whether a reason may say something: people must be able to judge it later. Repeated spaces count
// once, and one letter that is repeated says nothing.
func isTelling(reason string) bool {
	length := utf8.RuneCountInString(strings.Join(strings.Fields(reason), " "))
	if length < minReasonLength || length > maxReasonLength {
		return false
	}
	folded := []rune(foldText(reason))
	return slices.ContainsFunc(folded, func(r rune) bool { return r != folded[0] })
}

// foldText returns the letters and digits of a text in lower case, so that two texts that differ in nothing else are
// the same.
func foldText(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, text)
}

// The wait before an emergency opens a patient's data, for each patient beyond the first ones of a day.
const (
	patientsWithoutWait = 10
	firstWait           = 10 * time.Second
	longestWait         = 5 * time.Minute
)

// waitBefore returns the wait of an emergency after those for other patients on the same day. It doubles each time.
func waitBefore(patients int) time.Duration {
	if patients < patientsWithoutWait {
		return 0
	}
	wait := firstWait
	for range patients - patientsWithoutWait {
		if wait *= 2; wait >= longestWait {
			return longestWait
		}
	}
	return wait
}

var waitUntil = texts.Declare2[string, int]("detail.emergency_wait", "at", "seconds")

// AdmitEmergency admits an emergency, or returns EMERGENCY_WAIT until the caller has waited. The wait begins with the
// first claim for the patient and runs by the clock: a claim that comes too early does not prolong it. A refusal must
// not roll back the transaction, which stores when the wait ends.
func AdmitEmergency(
	w platform.Writer, c platform.Caller, e Emergency, now time.Time, today ident.Date,
) error {
	if err := w.Lock("emergencies of " + c.Person().Digits()); err != nil {
		return err
	}
	claim := platform.Emergency{
		Professional: c.Person(), Patient: e.Patient, Day: today, Reason: foldText(e.Reason),
	}
	past, err := w.PastEmergencies(claim)
	switch {
	case err != nil:
		return err
	case past.IsReasonUsed:
		return problem.New(EmergencyReused).WithPath("EmergencyReason")
	}
	opensAt := past.OpensAt
	if opensAt.IsZero() {
		opensAt = now.Add(waitBefore(past.OtherPatients)).Truncate(time.Microsecond)
	}
	if err = w.SaveEmergency(claim, opensAt); err != nil {
		return err
	}
	if left := opensAt.Sub(now); left > 0 {
		seconds := int((left + time.Second - 1) / time.Second)
		return problem.New(EmergencyWait, waitUntil.With(opensAt.UTC().Format(time.RFC3339), seconds)).
			WithRetryAfter(left)
	}
	return nil
}
