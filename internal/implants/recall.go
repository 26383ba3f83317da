package implants

import (
	"cmp"
	"errors"
	"slices"

	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
)

// RecallQuery selects the implants of a recall. Zero fields do not restrict, and an implant must match all others. A
// query needs a product, lots or serial numbers: days alone are not enough.
type RecallQuery struct {
	Code           ident.NotificationCode
	UDIDI          string // in any spelling; see DeviceIdentifiers
	Lots           Range
	Serials        Range
	From           ident.Date // first surgery date
	To             ident.Date // last surgery date
	RevealPatients bool       // include the patients' SSINs and names
}

// Validate reports why a query cannot select a recall.
func (q *RecallQuery) Validate() error {
	if q.Code.IsZero() && q.UDIDI == "" && q.Lots.IsZero() && q.Serials.IsZero() {
		return errors.New("name what is recalled: a code, a UDI-DI, a lot or a serial number; days alone are not enough")
	}
	if !q.From.IsZero() && !q.To.IsZero() && q.To.Before(q.From) {
		return errors.New("the last day is before the first")
	}
	_, di := q.DeviceIdentifiers()
	_, lots := q.Lots.Normalize().SplitByLength()
	_, serials := q.Serials.Normalize().SplitByLength()
	return errors.Join(di, lots, serials)
}

// DeviceIdentifiers returns the readings of UDIDI in the normal form in which device identifiers are stored.
func (q *RecallQuery) DeviceIdentifiers() ([]string, error) {
	if q.UDIDI == "" {
		return nil, nil
	}
	readings, err := udi.ParseDI(q.UDIDI)
	if err != nil {
		return nil, errors.New("the UDI-DI: " + udi.ExplainError(err))
	}
	return readings, nil
}

// RecallResult holds the recalled implants in the current versions of final notifications.
type RecallResult struct {
	// Implanted counts the pieces of implantations in this register: the sum of Explanted and StillImplanted.
	Implanted, Explanted, StillImplanted int
	// Unregistered counts pieces that were implanted elsewhere, or before the register existed, and became known by
	// their explantation. The counts above do not include them.
	Unregistered int

	Patients, Notifications, Hospitals, Specialists int

	Lines []RecalledLine // sorted by specialist, then by surgery date
}

// RecalledLine is an implant line of an implantation or, when it is unregistered, of the explantation that declared it.
type RecalledLine struct {
	Specialist     ident.NIHII
	SpecialistName string
	Hospital       ident.NIHII // the notifying hospital
	HospitalName   string
	Number         ident.NotificationNumber
	SurgeryDate    ident.Date
	Code           ident.NotificationCode
	UDIDI          string
	Lot, Serial    string
	Quantity       int
	Remaining      int
	Unregistered   bool
	// MatchedByDeviceList says that the line itself lacks the code or UDI-DI of the query; it has another identifier of
	// the same product by the device list.
	MatchedByDeviceList bool
	// Patient is a pseudonym, the same for the same patient in every recall of this register. RevealedPatient is zero
	// unless the query has RevealPatients.
	Patient         string
	RevealedPatient platform.Person

	// SpecialistKey and PatientKey are the same number for the same person.
	SpecialistKey, PatientKey int64
}

// NewRecallResult sorts the lines and counts them.
func NewRecallResult(lines []RecalledLine) *RecallResult {
	r := &RecallResult{Lines: lines}
	r.countTotals()
	slices.SortFunc(r.Lines, compareRecalledLines)
	return r
}

func (r *RecallResult) countTotals() {
	patients, specialists := make(map[int64]bool), make(map[int64]bool)
	notifications, hospitals := make(map[ident.NotificationNumber]bool), make(map[ident.NIHII]bool)
	for i := range r.Lines {
		line := &r.Lines[i]
		patients[line.PatientKey], specialists[line.SpecialistKey], notifications[line.Number] = true, true, true
		if !line.Hospital.IsZero() {
			hospitals[line.Hospital.Base()] = true
		}
		if line.Unregistered {
			r.Unregistered += line.Quantity
			continue
		}
		r.Implanted += line.Quantity
		r.StillImplanted += line.Remaining
	}
	r.Explanted = r.Implanted - r.StillImplanted
	r.Patients, r.Specialists = len(patients), len(specialists)
	r.Notifications, r.Hospitals = len(notifications), len(hospitals)
}

func compareRecalledLines(a, b RecalledLine) int {
	return cmp.Or(cmp.Compare(a.SpecialistName, b.SpecialistName), cmp.Compare(a.SpecialistKey, b.SpecialistKey),
		a.SurgeryDate.Compare(b.SurgeryDate), cmp.Compare(a.Number.Digits(), b.Number.Digits()),
		cmp.Compare(a.Serial, b.Serial), cmp.Compare(a.Lot, b.Lot), cmp.Compare(a.Code.Digits(), b.Code.Digits()),
		cmp.Compare(a.Quantity, b.Quantity))
}
