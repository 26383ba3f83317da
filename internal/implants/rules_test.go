package implants_test

import (
	"errors"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/openctr/ctr/internal/implants"
	"github.com/openctr/ctr/internal/implants/udi"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

// The cases below lie on both sides of each rule: just within and just beyond. TestEveryRuleBothWays compares them
// with rules.go, so that no rule can be added without both.

type implantationCase struct {
	name   string
	rule   problem.Code
	edit   func(*implants.Implantation, *implants.NotifiedImplant)
	refuse []string
	warn   []string
	caller ident.SSIN // default: the specialist
}

type (
	impl = implants.Implantation
	line = implants.NotifiedImplant
)

// setSurgeryDate sets the dates of surgery and prescription.
func setSurgeryDate(n *impl, operation string) {
	n.SurgeryDate, n.PrescriptionDate = day(operation), day(operation)
}

// setSurgeryDateOnly sets the surgery date; the prescription date is one on which Claes could prescribe.
func setSurgeryDateOnly(n *impl, operation string) {
	n.SurgeryDate, n.PrescriptionDate = day(operation), day("1955-01-01")
}

const (
	theOperation = "Implantation.SurgeryDate"
	theLine      = "Implantation.Implants[1]"
	lateWarning  = "WARN_LATE_NOTIFICATION at " + theOperation
)

// longPractice lets Claes operate in 1949, before the first year that the register accepts.
var longPractice = implants.SourceEntries{Practices: []platform.Practice{{SSIN: claes, NIHII: claesNIHII, Profession: platform.Physician,
	Speciality: "Orthopaedic surgery", Period: period("1940-01-01", "1960-12-31")}}}

var implantationCases = []implantationCase{
	{name: "today", rule: implants.OperationInFuture, edit: func(n *impl, _ *line) { setSurgeryDate(n, "2026-11-21") }},
	{name: "text with controls", rule: problem.TextControls, edit: func(n *impl, l *line) {
		n.Comment, l.UDI, l.Lot, l.Serial, l.Location = "", "", "L\u0085", "S\u009d", "left\u202e knee"
	}, refuse: []string{
		"TEXT_CONTROL_CHARACTERS at " + theLine + ".Lot", "TEXT_CONTROL_CHARACTERS at " + theLine + ".Serial",
		"TEXT_CONTROL_CHARACTERS at " + theLine + ".Location",
	}},
	{name: "comment with controls", rule: problem.TextControls, edit: func(n *impl, _ *line) { n.Comment = "1\u20662" },
		refuse: []string{"TEXT_CONTROL_CHARACTERS at Implantation.Comment"}},
	{name: "text of any script", rule: problem.TextControls, edit: func(n *impl, l *line) {
		n.Comment, l.Location = "\u05e9\u200f \u0645\u06cc\u200c\u062e\n\U0001f469\u200d\u2695\ufe0f", "genou gauche – λ"
	}},
	{name: "tomorrow", rule: implants.OperationInFuture, edit: func(n *impl, _ *line) { setSurgeryDate(n, "2026-11-22") },
		refuse: []string{"OPERATION_IN_FUTURE at " + theOperation}},

	{name: "first day of 1950", rule: implants.OperationTooOld, edit: func(n *impl, _ *line) { n.Patient = goosens; setSurgeryDate(n, "1950-01-01") },
		warn: []string{lateWarning}},
	{name: "last day of 1949", rule: implants.OperationTooOld, edit: func(n *impl, _ *line) { n.Patient = goosens; setSurgeryDate(n, "1949-12-31") },
		refuse: []string{"OPERATION_BEFORE_1950 at " + theOperation}},

	{name: "on the day of birth", rule: implants.OperationBeforeBirth, edit: func(n *impl, _ *line) { n.Patient = kaya; setSurgeryDate(n, "2012-05-12") },
		warn: []string{lateWarning}},
	{name: "the day before birth", rule: implants.OperationBeforeBirth, edit: func(n *impl, _ *line) { n.Patient = kaya; setSurgeryDate(n, "2012-05-11") },
		refuse: []string{"OPERATION_BEFORE_BIRTH at " + theOperation}},

	{name: "30 days ago", rule: implants.WarnLate, edit: func(n *impl, _ *line) { setSurgeryDate(n, "2026-10-22") }},
	{name: "31 days ago", rule: implants.WarnLate, edit: func(n *impl, _ *line) { setSurgeryDate(n, "2026-10-21") }, warn: []string{lateWarning}},

	{name: "specialist known", rule: implants.SpecialistUnknown, edit: func(n *impl, _ *line) { n.Specialist = byNIHII(claesNIHII) }},
	{name: "specialist unknown", rule: implants.SpecialistUnknown, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(vanDam) },
		refuse: []string{"SPECIALIST_UNKNOWN at Implantation.Specialist"}, caller: claes},
	{name: "last day of practice", rule: implants.SpecialistUnqualified, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(jacobs); setSurgeryDate(n, "2022-12-31") },
		warn: []string{lateWarning}},
	{name: "day after the last of practice", rule: implants.SpecialistUnqualified, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(jacobs); setSurgeryDate(n, "2023-01-01") },
		refuse: []string{"SPECIALIST_NOT_QUALIFIED at Implantation.Specialist"}},
	{name: "first day of practice", rule: implants.SpecialistUnqualified, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(jacobs); setSurgeryDateOnly(n, "1993-01-01") },
		warn: []string{lateWarning}},
	{name: "day before the first of practice", rule: implants.SpecialistUnqualified, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(jacobs); setSurgeryDateOnly(n, "1992-12-31") },
		refuse: []string{"SPECIALIST_NOT_QUALIFIED at Implantation.Specialist"}},
	{name: "a dentist operates", rule: implants.SpecialistUnqualified, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(lambert) }},
	{name: "a pharmacist operates", rule: implants.SpecialistUnqualified, edit: func(n *impl, _ *line) { n.Specialist = bySSIN(maes) },
		refuse: []string{"SPECIALIST_NOT_QUALIFIED at Implantation.Specialist"}, caller: claes},

	{name: "prescriber known", rule: implants.PrescriberUnknown, edit: func(n *impl, _ *line) { n.Prescriber = bySSIN(peeters) }},
	{name: "prescriber unknown", rule: implants.PrescriberUnknown, edit: func(n *impl, _ *line) { n.Prescriber = bySSIN(wouters) },
		refuse: []string{"PRESCRIBER_UNKNOWN at Implantation.Prescriber"}},
	{name: "prescribed on the last day of practice", rule: implants.PrescriberUnqualified,
		edit: func(n *impl, _ *line) { n.Prescriber, n.PrescriptionDate = bySSIN(jacobs), day("2022-12-31") }},
	{name: "prescribed after practice", rule: implants.PrescriberUnqualified,
		edit:   func(n *impl, _ *line) { n.Prescriber, n.PrescriptionDate = bySSIN(jacobs), day("2023-01-01") },
		refuse: []string{"PRESCRIBER_NOT_QUALIFIED at Implantation.Prescriber"}},
	{name: "a pharmacist prescribes", rule: implants.PrescriberUnqualified, edit: func(n *impl, _ *line) { n.Prescriber = byNIHII(maesNIHII) },
		refuse: []string{"PRESCRIBER_NOT_QUALIFIED at Implantation.Prescriber"}},
	{name: "prescribed on the day of operation", rule: implants.PrescriptionAfter, edit: func(n *impl, _ *line) { n.PrescriptionDate = n.SurgeryDate }},
	{name: "prescribed a day later", rule: implants.PrescriptionAfter, edit: func(n *impl, _ *line) { n.PrescriptionDate = n.SurgeryDate.AddDays(1) },
		refuse: []string{"PRESCRIPTION_AFTER_OPERATION at Implantation.PrescriptionDate"}},
	{name: "patient and specialist are one", edit: func(n *impl, _ *line) { n.Patient = claes }},

	{name: "by code", rule: implants.ImplantUnidentified, edit: func(_ *impl, l *line) { l.Code = knee }},
	{name: "neither code nor UDI", rule: implants.ImplantUnidentified, edit: func(_ *impl, l *line) { l.Code = ident.NotificationCode{} },
		refuse: []string{"IMPLANT_NOT_IDENTIFIED at " + theLine}},
	{name: "by UDI on 26 May 2023", rule: implants.CodeRequired,
		edit: func(n *impl, l *line) {
			setSurgeryDate(n, "2023-05-26")
			*l = line{UDI: "(01)05410000001047", Quantity: 1}
		}, warn: []string{lateWarning}},
	{name: "by UDI the day before", rule: implants.CodeRequired,
		edit: func(n *impl, l *line) {
			setSurgeryDate(n, "2023-05-25")
			*l = line{UDI: "(01)05410000001047", Quantity: 1}
		},
		refuse: []string{"IMPLANT_CODE_REQUIRED at " + theLine + ".Code"}},
	{name: "by both the day before", rule: implants.CodeRequired,
		edit: func(n *impl, l *line) { setSurgeryDate(n, "2023-05-25"); l.UDI = "(01)05410000001047" }, warn: []string{lateWarning}},
	{name: "code on the list", rule: implants.CodeUnknown, edit: func(_ *impl, l *line) { l.Code = mesh }},
	{name: "code not on the list", rule: implants.CodeUnknown, edit: func(_ *impl, l *line) { l.Code = unlisted },
		refuse: []string{"IMPLANT_CODE_UNKNOWN at " + theLine + ".Code"}},

	{name: "none", rule: implants.QuantityOutOfRange, edit: func(_ *impl, l *line) { l.Quantity = 0 },
		refuse: []string{"QUANTITY_OUT_OF_RANGE at " + theLine + ".Quantity"}},
	{name: "one", rule: implants.QuantityOutOfRange, edit: func(_ *impl, l *line) { l.Quantity = 1 }},
	{name: "99", rule: implants.QuantityOutOfRange, edit: func(_ *impl, l *line) { l.Quantity = 99 }},
	{name: "100", rule: implants.QuantityOutOfRange, edit: func(_ *impl, l *line) { l.Quantity = 100 },
		refuse: []string{"QUANTITY_OUT_OF_RANGE at " + theLine + ".Quantity"}},

	{name: "delivered on the day", rule: implants.DeliveryAfter, edit: func(n *impl, l *line) { l.DeliveryDate = n.SurgeryDate }},
	{name: "delivered a day later", rule: implants.DeliveryAfter, edit: func(n *impl, l *line) { l.DeliveryDate = n.SurgeryDate.AddDays(1) },
		refuse: []string{"DELIVERY_AFTER_OPERATION at " + theLine + ".DeliveryDate"}},

	{name: "lot as in the UDI", rule: implants.LotContradictsUDI, edit: func(_ *impl, l *line) { l.UDI, l.Lot = "(01)05410000001047(10)L1", "L1" }},
	{name: "another lot", rule: implants.LotContradictsUDI, edit: func(_ *impl, l *line) { l.UDI, l.Lot = "(01)05410000001047(10)L1", "L2" },
		refuse: []string{"LOT_CONTRADICTS_UDI at " + theLine + ".Lot"}},
	{name: "lot beside a UDI without", rule: implants.LotContradictsUDI, edit: func(_ *impl, l *line) { l.UDI, l.Lot = "(01)05410000001047", "L2" }},
	{name: "serial as in the UDI", rule: implants.SerialContradictsUDI, edit: func(_ *impl, l *line) { l.UDI, l.Serial = "(01)05410000001047(21)A1", "A1" }},
	{name: "another serial", rule: implants.SerialContradictsUDI, edit: func(_ *impl, l *line) { l.UDI, l.Serial = "(01)05410000001047(21)A1", "A2" },
		refuse: []string{"SERIAL_CONTRADICTS_UDI at " + theLine + ".Serial"}},
	{name: "expiry as in the UDI", rule: implants.ExpiryContradictsUDI,
		edit: func(_ *impl, l *line) { l.UDI, l.Expiry = "(01)05410000001047(17)291231", day("2029-12-31") }},
	{name: "another expiry", rule: implants.ExpiryContradictsUDI,
		edit:   func(_ *impl, l *line) { l.UDI, l.Expiry = "(01)05410000001047(17)291231", day("2029-12-30") },
		refuse: []string{"EXPIRY_CONTRADICTS_UDI at " + theLine + ".Expiry"}},

	{name: "pharmacist known", rule: implants.PharmacistUnknown, edit: func(_ *impl, l *line) { l.Pharmacist = byNIHII(maesNIHII) }},
	{name: "pharmacist unknown", rule: implants.PharmacistUnknown, edit: func(_ *impl, l *line) { l.Pharmacist = bySSIN(vanDam) },
		refuse: []string{"PHARMACIST_UNKNOWN at " + theLine + ".Pharmacist"}},
	{name: "first day as titular", rule: implants.PharmacistNotTitular,
		edit: func(_ *impl, l *line) { l.Pharmacist, l.DeliveryDate = bySSIN(maes), day("2015-01-01") }},
	{name: "day before", rule: implants.PharmacistNotTitular,
		edit:   func(_ *impl, l *line) { l.Pharmacist, l.DeliveryDate = bySSIN(maes), day("2014-12-31") },
		refuse: []string{"PHARMACIST_NOT_TITULAR at " + theLine + ".Pharmacist"}},
	{name: "titular of the pharmacy by NIHII", rule: implants.PharmacistNotTitular,
		edit: func(_ *impl, l *line) {
			l.Pharmacist, l.Pharmacy = bySSIN(maes), platform.OrganisationRef{NIHII: pharmacy}
		}},
	{name: "titular of the pharmacy by CBE", rule: implants.PharmacistNotTitular,
		edit: func(_ *impl, l *line) {
			l.Pharmacist, l.Pharmacy = bySSIN(maes), platform.OrganisationRef{CBE: pharmacyCBE}
		}},
	{name: "of another pharmacy", rule: implants.PharmacistNotTitular,
		edit: func(_ *impl, l *line) {
			l.Pharmacist, l.Pharmacy = bySSIN(maes), platform.OrganisationRef{NIHII: hospital}
		},
		refuse: []string{"PHARMACIST_NOT_TITULAR at " + theLine + ".Pharmacist"}},
	{name: "of a pharmacy nobody knows", rule: implants.PharmacistNotTitular,
		edit: func(_ *impl, l *line) {
			l.Pharmacist, l.Pharmacy = bySSIN(maes), platform.OrganisationRef{NIHII: maesNIHII}
		},
		refuse: []string{"PHARMACIST_NOT_TITULAR at " + theLine + ".Pharmacist"}},
	{name: "first day as pharmacist, not yet titular", rule: implants.PharmacistUnqualified,
		edit:   func(_ *impl, l *line) { l.Pharmacist, l.DeliveryDate = bySSIN(maes), day("1998-01-01") },
		refuse: []string{"PHARMACIST_NOT_TITULAR at " + theLine + ".Pharmacist"}},
	{name: "day before", rule: implants.PharmacistUnqualified,
		edit:   func(_ *impl, l *line) { l.Pharmacist, l.DeliveryDate = bySSIN(maes), day("1997-12-31") },
		refuse: []string{"PHARMACIST_NOT_QUALIFIED at " + theLine + ".Pharmacist"}},
	{name: "a doctor as pharmacist", rule: implants.PharmacistUnqualified, edit: func(_ *impl, l *line) { l.Pharmacist = bySSIN(dubois) },
		refuse: []string{"PHARMACIST_NOT_QUALIFIED at " + theLine + ".Pharmacist"}},

	{name: "day before it was deleted", rule: implants.WarnDeviceDeleted, edit: func(n *impl, l *line) { setSurgeryDate(n, "2021-06-29"); l.Code = stent },
		warn: []string{lateWarning}},
	{name: "day on which it was deleted", rule: implants.WarnDeviceDeleted, edit: func(n *impl, l *line) { setSurgeryDate(n, "2021-06-30"); l.Code = stent },
		warn: []string{lateWarning, "WARN_DEVICE_DELETED at " + theLine}},
	{name: "active", rule: implants.WarnDeviceRecalled, edit: func(*impl, *line) {}},
	{name: "recalled", rule: implants.WarnDeviceRecalled, edit: func(_ *impl, l *line) { l.Code = hipStem },
		warn: []string{"WARN_DEVICE_RECALLED at " + theLine}},
	{name: "recalled, by UDI", rule: implants.WarnDeviceRecalled, edit: func(_ *impl, l *line) { *l = line{UDI: "(01)05410000001283", Quantity: 1} },
		warn: []string{"WARN_DEVICE_RECALLED at " + theLine}},

	{name: "expires on the day", rule: implants.WarnExpired, edit: func(n *impl, l *line) { l.Expiry = n.SurgeryDate }},
	{name: "expired the day before", rule: implants.WarnExpired, edit: func(n *impl, l *line) { l.Expiry = n.SurgeryDate.AddDays(-1) },
		warn: []string{"WARN_EXPIRED_BEFORE_OPERATION at " + theLine + ".Expiry"}},
	{name: "expired by the UDI", rule: implants.WarnExpired, edit: func(_ *impl, l *line) { l.UDI = "(01)05410000001047(17)261119" },
		warn: []string{"WARN_EXPIRED_BEFORE_OPERATION at " + theLine + ".UDI"}},

	{name: "UDI of the code", rule: implants.WarnUDIOtherCode, edit: func(_ *impl, l *line) { l.UDI = "(01)05410000001047" }},
	{name: "UDI of another code", rule: implants.WarnUDIOtherCode, edit: func(_ *impl, l *line) { l.UDI = "(01)05410000001115" },
		warn: []string{"WARN_UDI_OF_ANOTHER_CODE at " + theLine + ".UDI"}},
	{name: "UDI that nobody can read", rule: udi.UDIUnparsable, edit: func(_ *impl, l *line) { l.UDI = "no such thing" },
		warn: []string{"UDI_UNPARSABLE at " + theLine + ".UDI"}},
	{name: "UDI with a separator that the scanner replaced", rule: udi.UDIPartlyRead, edit: func(_ *impl, l *line) { l.UDI = "010541000000104710L1^21S1" }},
	{name: "UDI with a day that does not exist", rule: udi.UDIPartlyRead, edit: func(_ *impl, l *line) { l.UDI = "(01)05410000001047(17)290631(10)L1" },
		warn: []string{"UDI_PARTLY_READ at " + theLine + ".UDI"}},
	{name: "UDI with a lot that cannot be, of another code", rule: udi.UDIPartlyRead, edit: func(_ *impl, l *line) { l.UDI = "(01)05410000001115(10)L 1" },
		warn: []string{"UDI_PARTLY_READ at " + theLine + ".UDI", "WARN_UDI_OF_ANOTHER_CODE at " + theLine + ".UDI"}},
	{name: "GTIN with a wrong check digit", rule: udi.UDIGTINCheck, edit: func(_ *impl, l *line) { l.UDI = "(01)05410000001048" },
		warn: []string{"UDI_GTIN_CHECK at " + theLine + ".UDI"}},
}

func TestImplantationRules(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t, longPractice)
	for _, c := range implantationCases {
		t.Run(string(c.rule)+" "+c.name, func(t *testing.T) {
			n := implantation()
			c.edit(&n, &n.Implants[0])
			who := n.Specialist.SSIN
			if who.IsZero() || !c.caller.IsZero() {
				who = claes
			}
			receipt, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(who), implants.SubmissionOptions{}, n)
			wantStrings(t, "refused", formatRefusals(err), c.refuse)
			wantStrings(t, "warned", formatWarnings(receipt.Warnings), c.warn)
			if (err == nil) != !receipt.Number.IsZero() {
				t.Error("a number is given exactly when nothing is refused")
			}
			if err == nil {
				kept, ok := d.loadNotification(receipt.Number)
				if !ok {
					t.Fatal("not kept")
				}
				wantStrings(t, "kept warnings", formatWarnings(kept.Warnings), c.warn)
			}
		})
	}
}

// contentRules are the rules that need only the content of an implantation.
var contentRules = []problem.Code{implants.OperationInFuture, implants.OperationTooOld, implants.OperationBeforeBirth, implants.PrescriptionAfter,
	implants.ImplantUnidentified, implants.CodeRequired, implants.QuantityOutOfRange, implants.DeliveryAfter,
	implants.LotContradictsUDI, implants.SerialContradictsUDI, implants.ExpiryContradictsUDI, problem.TextControls}

// TestCheckContent: of the violations that the registrar finds, CheckContent finds those of content, and changes
// nothing.
func TestCheckContent(t *testing.T) {
	t.Parallel()
	for _, c := range implantationCases {
		n, unchanged := implantation(), implantation()
		c.edit(&n, &n.Implants[0])
		c.edit(&unchanged, &unchanged.Implants[0])
		var want []string
		if slices.Contains(contentRules, c.rule) {
			want = c.refuse
		}
		violations := implants.CheckContent(n, day("2026-11-21"))
		wantStrings(t, string(c.rule)+" "+c.name, formatRefusals(problem.List(platform.RulesViolated, violations)), want)
		if !reflect.DeepEqual(n, unchanged) {
			t.Errorf("%s %s: the content was changed", c.rule, c.name)
		}
	}
	n := implantation()
	n.SurgeryDate = ident.Date{}
	wantStrings(t, "no date", formatRefusals(problem.List(platform.RulesViolated, implants.CheckContent(n, day("2026-11-21")))),
		[]string{"DATE_INVALID at " + theOperation})
}

// loadNotification returns the store's notification with a number.
func (d *testRegister) loadNotification(number ident.NotificationNumber) (n implants.Notification, ok bool) {
	d.tb.Helper()
	err := d.db.RunReadTx(d.tb.Context(), func(r implants.Reader) error {
		var err error
		n, ok, err = r.NotificationByNumber(number)
		return err
	})
	if err != nil {
		d.tb.Fatal(err)
	}
	return n, ok
}

// TestBirthDateOfTheNumber: when the national register does not have the patient, the birth date comes from the SSIN.
func TestBirthDateOfTheNumber(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	d.loadSources(implants.SourceEntries{Persons: []platform.Person{{SSIN: kaya, LastName: "Kaya", BirthDate: day("2012-05-20")}}})
	n := implantation()
	n.Patient = kaya
	setSurgeryDate(&n, "2012-05-15")
	_, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n)
	wantStrings(t, "the national register knows better", formatRefusals(err), []string{"OPERATION_BEFORE_BIRTH at " + theOperation})

	d = newTestRegister(t)
	d.loadSources(implants.SourceEntries{Persons: []platform.Person{{SSIN: kaya, LastName: "Kaya"}}})
	setSurgeryDate(&n, "2012-05-11")
	_, err = d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n)
	wantStrings(t, "the number tells", formatRefusals(err), []string{"OPERATION_BEFORE_BIRTH at " + theOperation})
}

// TestTakenFromUDI: missing values are taken from the UDI, and the pharmacy from its titular.
func TestTakenFromUDI(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Implants[0] = line{UDI: "(01)05410000001047(17)291231(10)L2201(21)S-000917", Quantity: 3, Pharmacist: byNIHII(maesNIHII)}
	receipt := d.mustNotify(n)
	got := receipt.AffectedImplants[0]
	if got.Lot != "L2201" || got.Serial != "S-000917" || got.Expiry != day("2029-12-31") || got.UDIDI != kneeDI || got.Code != knee {
		t.Errorf("from the UDI: %+v", got)
	}
	if got.Device == nil || got.Device.Reference != "TKS-FL5" || got.Remaining != 3 {
		t.Errorf("device and remaining: %+v", got)
	}
	if got.Pharmacy.NIHII != pharmacy || got.Pharmacist.SSIN != maes {
		t.Errorf("pharmacy: %+v %+v", got.Pharmacist, got.Pharmacy)
	}
	if receipt.Specialist.NIHII != claesNIHII || receipt.Prescriber.SSIN != claes {
		t.Error("both numbers of specialist and prescriber are kept")
	}
	if n.Implants[0].Lot != "" {
		t.Error("the caller's own value was changed")
	}
}

// TestSerialPlaced: the same serial number and product, in the same message or an earlier one, until it is removed.
func TestSerialPlaced(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	n := implantation()
	n.Implants = []line{{Code: knee, Serial: "S1", Quantity: 1}, {Code: mesh, Serial: "S1", Quantity: 1}}
	first := d.mustNotify(n)
	wantStrings(t, "another kind", formatWarnings(first.Warnings), nil)

	n = implantation()
	n.Patient = nguyen
	n.Implants = []line{{Code: knee, Serial: "S2", Quantity: 1}, {Code: knee, Serial: "S2", Quantity: 1}, {Code: knee, Serial: "S1", Quantity: 1}}
	again := d.mustNotify(n)
	wantStrings(t, "in the message, and in another patient", formatWarnings(again.Warnings),
		[]string{"WARN_SERIAL_ALREADY_PLACED at Implantation.Implants[2]", "WARN_SERIAL_ALREADY_PLACED at Implantation.Implants[3]"})

	for _, implant := range []implants.Implant{first.AffectedImplants[0], again.AffectedImplants[2]} {
		if _, err := d.notifyExplant(implant.Patient, "2026-11-21", implants.Explant{ImplantID: implant.ID}); err != nil {
			t.Fatal(err)
		}
	}
	n = implantation()
	n.Implants = []line{{Code: knee, Serial: "S1", Quantity: 1}}
	wantStrings(t, "removed", formatWarnings(d.mustNotify(n).Warnings), nil)
}

// notifyExplant submits an explantation by Claes.
func (d *testRegister) notifyExplant(patient ident.SSIN, operation string, all ...implants.Explant) (implants.Receipt, error) {
	d.tb.Helper()
	return d.NotifyExplant(d.tb.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, implants.Explantation{
		Specialist: bySSIN(claes), SurgeryDate: day(operation), Patient: patient, Explants: all})
}

const theExplant = "Explantation.Explants[1]"

type explantationCase struct {
	name     string
	rule     problem.Code
	patient  ident.SSIN // default: Leroy
	day      string     // default: the day after the implantation
	explants func(id string) []implants.Explant
	refuse   []string
	warn     []string
	left     []int // after each removal
}

func singleExplant(x implants.Explant) func(string) []implants.Explant {
	return func(id string) []implants.Explant {
		if x.Unregistered == nil && x.ImplantID == "" {
			x.ImplantID = id
		}
		return []implants.Explant{x}
	}
}

// Each case begins with five implants of one line in Leroy, implanted on 20 November 2026.
var explantationCases = []explantationCase{
	{name: "all, not said how many", rule: implants.ExplantExceedsRemaining, explants: singleExplant(implants.Explant{}), left: []int{0}},
	{name: "one", rule: implants.ExplantExceedsRemaining, explants: singleExplant(implants.Explant{Quantity: 1}), left: []int{4}},
	{name: "exactly what remains", rule: implants.ExplantExceedsRemaining, explants: singleExplant(implants.Explant{Quantity: 5}), left: []int{0}},
	{name: "one more than remains", rule: implants.ExplantExceedsRemaining, explants: singleExplant(implants.Explant{Quantity: 6}),
		refuse: []string{"EXPLANT_EXCEEDS_REMAINING at " + theExplant + ".Quantity"}},
	{name: "two removals up to what remains", rule: implants.ExplantExceedsRemaining, left: []int{3, 0},
		explants: func(id string) []implants.Explant {
			return []implants.Explant{{ImplantID: id, Quantity: 2}, {ImplantID: id}}
		}},
	{name: "two removals of more than remains", rule: implants.ExplantExceedsRemaining,
		explants: func(id string) []implants.Explant {
			return []implants.Explant{{ImplantID: id, Quantity: 3}, {ImplantID: id, Quantity: 3}}
		},
		refuse: []string{"EXPLANT_EXCEEDS_REMAINING at Explantation.Explants[2].Quantity"}},
	{name: "nothing left for the second", rule: implants.ExplantExceedsRemaining,
		explants: func(id string) []implants.Explant { return []implants.Explant{{ImplantID: id}, {ImplantID: id}} },
		refuse:   []string{"EXPLANT_EXCEEDS_REMAINING at Explantation.Explants[2]"}},
	{name: "less than none", rule: implants.QuantityOutOfRange, explants: singleExplant(implants.Explant{Quantity: -1}),
		refuse: []string{"QUANTITY_OUT_OF_RANGE at " + theExplant + ".Quantity"}},
	{name: "100", rule: implants.QuantityOutOfRange, explants: singleExplant(implants.Explant{Quantity: 100}),
		refuse: []string{"QUANTITY_OUT_OF_RANGE at " + theExplant + ".Quantity"}},

	{name: "of this patient", rule: implants.ImplantNotOfPatient, explants: singleExplant(implants.Explant{}), left: []int{0}},
	{name: "of another patient", rule: implants.ImplantNotOfPatient, patient: nguyen, explants: singleExplant(implants.Explant{}),
		refuse: []string{"IMPLANT_NOT_OF_PATIENT at " + theExplant + ".ImplantID"}},
	{name: "of nobody", rule: implants.ImplantNotOfPatient, explants: singleExplant(implants.Explant{ImplantID: "no such id"}),
		refuse: []string{"IMPLANT_NOT_OF_PATIENT at " + theExplant + ".ImplantID"}},

	{name: "on the day of placing", rule: implants.ExplantBeforeImplant, day: "2026-11-20", explants: singleExplant(implants.Explant{}), left: []int{0}},
	{name: "the day before placing", rule: implants.ExplantBeforeImplant, day: "2026-11-19", explants: singleExplant(implants.Explant{}),
		refuse: []string{"EXPLANT_BEFORE_IMPLANT at Explantation.SurgeryDate"}},

	{name: "unregistered, with what is known", rule: implants.ImplantUnidentified, left: []int{0},
		explants: singleExplant(implants.Explant{Unregistered: &line{Quantity: 2}})},
	{name: "unregistered, in part", left: []int{1}, explants: singleExplant(implants.Explant{Unregistered: &line{Quantity: 2}, Quantity: 1})},
	{name: "unregistered, more than said", rule: implants.ExplantExceedsRemaining,
		explants: singleExplant(implants.Explant{Unregistered: &line{Quantity: 2}, Quantity: 3}),
		refuse:   []string{"EXPLANT_EXCEEDS_REMAINING at " + theExplant + ".Quantity"}},
	{name: "unregistered, UDI alone before 26 May 2023", rule: implants.CodeRequired, day: "2023-05-25", left: []int{0},
		explants: singleExplant(implants.Explant{Unregistered: &line{UDI: "(01)05410000001047(10)L1", Quantity: 1}}),
		warn:     []string{"WARN_LATE_NOTIFICATION at Explantation.SurgeryDate"}},
	{name: "unregistered, unknown code", rule: implants.CodeUnknown, explants: singleExplant(implants.Explant{Unregistered: &line{Code: unlisted, Quantity: 1}}),
		refuse: []string{"IMPLANT_CODE_UNKNOWN at " + theExplant + ".Unregistered.Code"}},
	{name: "unregistered, long expired and recalled", rule: implants.WarnExpired, left: []int{0},
		explants: singleExplant(implants.Explant{Unregistered: &line{Code: hipStem, Expiry: day("2001-01-01"), Quantity: 1}})},

	{name: "tomorrow", rule: implants.OperationInFuture, day: "2026-11-22", explants: singleExplant(implants.Explant{}),
		refuse: []string{"OPERATION_IN_FUTURE at Explantation.SurgeryDate"}},
}

func TestExplantationRules(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	for _, c := range explantationCases {
		t.Run(string(c.rule)+" "+c.name, func(t *testing.T) {
			n := implantation()
			n.Implants[0].Quantity = 5
			placed := d.mustNotify(n).AffectedImplants[0]
			patient, on := leroy, "2026-11-21"
			if !c.patient.IsZero() {
				patient = c.patient
			}
			if c.day != "" {
				on = c.day
			}
			receipt, err := d.notifyExplant(patient, on, c.explants(placed.ID)...)
			wantStrings(t, "refused", formatRefusals(err), c.refuse)
			wantStrings(t, "warned", formatWarnings(receipt.Warnings), c.warn)
			var left []int
			for _, i := range receipt.AffectedImplants {
				left = append(left, i.Remaining)
			}
			if !slices.Equal(left, c.left) {
				t.Errorf("remaining %v, want %v", left, c.left)
			}
		})
	}
}

// TestEveryRuleBothWays compares the cases with rules.go: every code in rules.go has a case that gives it and one that
// does not.
func TestEveryRuleBothWays(t *testing.T) {
	codes := map[string]problem.Code{}
	for _, m := range regexp.MustCompile(`(\w+)\s+problem\.Code = "(\w+)"`).FindAllStringSubmatch(readFile(t, "codes.go"), -1) {
		codes[m[1]] = problem.Code(m[2])
	}
	rules := map[problem.Code]bool{}
	for _, m := range regexp.MustCompile(`\b(\w+)\b`).FindAllStringSubmatch(readFile(t, "rules.go"), -1) {
		if c, ok := codes[m[1]]; ok {
			rules[c] = true
		}
	}
	if len(rules) < 25 {
		t.Fatalf("only %d rules found in rules.go", len(rules))
	}
	within, beyond := map[problem.Code]bool{}, map[problem.Code]bool{}
	mark := func(rule problem.Code, told ...string) {
		if slices.ContainsFunc(told, func(s string) bool { return regexp.MustCompile(`^` + string(rule) + `\b`).MatchString(s) }) {
			beyond[rule] = true
			return
		}
		within[rule] = true
	}
	for _, c := range implantationCases {
		mark(c.rule, slices.Concat(c.refuse, c.warn)...)
	}
	for _, c := range explantationCases {
		mark(c.rule, slices.Concat(c.refuse, c.warn)...)
	}
	// TestRevised and TestWithdrawn cover both, where there is a version to replace.
	for _, rule := range []problem.Code{implants.ImplantRemovedSince, implants.ReasonRequired} {
		mark(rule)
		mark(rule, string(rule))
	}
	for _, rule := range slices.Sorted(maps.Keys(rules)) {
		if !within[rule] || !beyond[rule] {
			t.Errorf("%s: a case within: %v, a case beyond: %v", rule, within[rule], beyond[rule])
		}
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestAllAtOnce: all violations are reported together with the defects of the message, which come first. A defect is
// not reported again as a missing value.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	defects := []*problem.Error{
		problem.New(ident.SSINInvalid).WithPath("Implantation.Patient"),
		problem.New(ident.ImplantCodeInvalid).WithPath("Implantation.Implants[2].Code"),
	}
	n := implantation()
	n.Patient = ident.SSIN{}
	n.PrescriptionDate = day("2026-11-21")
	n.Implants = []line{{Quantity: 1}, {Quantity: 100}}
	_, err := d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{Defects: defects}, n)
	wantCode(t, err, platform.RulesViolated)
	wantStrings(t, "implantation", formatRefusals(err), []string{
		"SSIN_INVALID at Implantation.Patient", "IMPLANT_CODE_INVALID at Implantation.Implants[2].Code",
		"PRESCRIPTION_AFTER_OPERATION at Implantation.PrescriptionDate", "IMPLANT_NOT_IDENTIFIED at Implantation.Implants[1]",
		"QUANTITY_OUT_OF_RANGE at Implantation.Implants[2].Quantity"})

	defects = []*problem.Error{problem.New(ident.SSINInvalid).WithPath("Explantation.Patient")}
	_, err = d.NotifyExplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{Defects: defects}, implants.Explantation{
		Specialist: bySSIN(claes), SurgeryDate: day("2026-11-22"), Explants: []implants.Explant{{ImplantID: "x"}}})
	wantStrings(t, "explantation", formatRefusals(err), []string{"SSIN_INVALID at Explantation.Patient",
		"OPERATION_IN_FUTURE at Explantation.SurgeryDate", "IMPLANT_NOT_OF_PATIENT at " + theExplant + ".ImplantID"})

	// A single refusal is not wrapped, a missing date is rejected, and an unreadable one is not reported twice.
	n = implantation()
	n.SurgeryDate, n.PrescriptionDate = ident.Date{}, ident.Date{}
	_, err = d.NotifyImplant(t.Context(), d.callerWithOwnKey(claes), implants.SubmissionOptions{}, n)
	wantStrings(t, "no day", formatRefusals(err), []string{"DATE_INVALID at " + theOperation})
	defects = []*problem.Error{problem.New(ident.DateInvalid).WithPath(theOperation)}
	_, err = d.NotifyImplant(t.Context(), d.callerInside(hospital, claes), implants.SubmissionOptions{Defects: defects}, n)
	wantStrings(t, "unreadable day", formatRefusals(err), []string{"DATE_INVALID at " + theOperation})
	if !errors.Is(err, problem.RuleViolated) {
		t.Errorf("kind of %v", err)
	}
	for _, e := range d.newEvents() {
		if e.Outcome != platform.OutcomeRefused || len(e.Codes) == 0 || !e.Number.IsZero() {
			t.Errorf("recorded as %+v", e)
		}
	}
}
