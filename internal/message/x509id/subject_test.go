package x509id_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authority"
	"github.com/openctr/ctr/internal/message/x509id"
	"github.com/openctr/ctr/internal/problem"
	"github.com/openctr/ctr/internal/testing/testpki"
)

// attribute is an RDN in a test: the X.520 arc of its type, and its value. more makes the RDN multi-valued.
type attribute struct {
	arc   int
	value any
	more  *attribute
}

func c(v string) attribute  { return attribute{arc: 6, value: v} }
func o(v string) attribute  { return attribute{arc: 10, value: v} }
func ou(v string) attribute { return attribute{arc: 11, value: v} }
func cn(v string) attribute { return attribute{arc: 3, value: v} }

func rawName(t testing.TB, attributes ...attribute) []byte {
	t.Helper()
	var name pkix.RDNSequence
	for _, a := range attributes {
		rdn := pkix.RelativeDistinguishedNameSET{{Type: asn1.ObjectIdentifier{2, 5, 4, a.arc}, Value: a.value}}
		if a.more != nil {
			rdn = append(rdn, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, a.more.arc}, Value: a.more.value})
		}
		name = append(name, rdn)
	}
	raw, err := asn1.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// platform puts C and O before the given attributes, and the platform's OU and a name after them.
func platform(attributes ...attribute) []attribute {
	all := append([]attribute{c("BE"), o("Federal Government")}, attributes...)
	return append(all, ou("NAME"), ou("eHealth-platform Belgium"))
}

func TestSubjectOf(t *testing.T) {
	tests := []struct {
		name string
		in   []attribute
		want x509id.Subject
	}{
		{"hospital", platform(ou("NIHII-HOSPITAL=71000436"), cn("NIHII-HOSPITAL=71000436")),
			x509id.Subject{Type: "NIHII-HOSPITAL", ID: "71000436", Name: "NAME"}},
		{"application", platform(ou("EHP=1990001916"), ou("VITALINKGATEWAY"), cn("EHP=1990001916, VITALINKGATEWAY")),
			x509id.Subject{Type: "EHP", ID: "1990001916", Application: "VITALINKGATEWAY", Name: "NAME"}},
		{"application called as its holder", platform(ou("EHP=1990001916"), ou("NAME"), cn("EHP=1990001916, NAME")),
			x509id.Subject{Type: "EHP", ID: "1990001916", Application: "NAME", Name: "NAME"}},
		{"other attributes do not matter", platform(ou("SITE=1234"), cn("SITE=1234"), attribute{arc: 5, value: "78031412250"}),
			x509id.Subject{Type: "SITE", ID: "1234", Name: "NAME"}},
		{"any order", []attribute{cn("SSIN=78031412250"), ou("eHealth-platform Belgium"), ou("ANNA CLAES"),
			ou("SSIN=78031412250"), o("Federal Government"), c("BE")},
			x509id.Subject{Type: "SSIN", ID: "78031412250", Name: "ANNA CLAES"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := x509id.SubjectFromCertificate(&x509.Certificate{RawSubject: rawName(t, tt.in...)})
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestSubjectOfKnowsEveryType(t *testing.T) {
	digits := map[string]int{"SITE": 4, "SSIN": 11, "NIHII11": 11}
	for _, ten := range []string{"CBE", "CBE-TREAT_CENTER", "CBE-CONSORTIUM", "EHP", "EHP-CTRL_ORGANISM", "SITESMUR", "SITEPIT"} {
		digits[ten] = 10
	}
	for _, eight := range strings.Fields("NIHII NIHII-PHARMACY NIHII-LABO NIHII-RETIREMENT NIHII-OTD_PHARMACY NIHII-HOSPITAL " +
		"NIHII-GROUP NIHII-PALLIATIVE_CARE NIHII-OFFICE_DENTISTS NIHII-MEDICAL_HOUSE NIHII-OFFICE_DOCTORS NIHII-GROUP_DOCTORS " +
		"NIHII-OF_BAND NIHII-PSYCH_HOUSE NIHII-PROT_ACC NIHII-HOME_SERVICES NIHII-OF_PHYSIOS NIHII-GUARD_POST NIHII-BELRAI " +
		"NIHII-BELRAI_SCREEN NIHII-GROUP_MIDWIVES NIHII-AMBU_SERVICE NIHII-LEGAL_PSY NIHII-REEDUCATION NIHII-SORTING_CENTER") {
		digits[eight] = 8
	}
	for kind, n := range digits {
		for length, want := range map[int]problem.Code{n: "", n - 1: x509id.CertSubjectNumber, n + 1: x509id.CertSubjectNumber} {
			id := kind + "=" + strings.Repeat("1", length)
			got, err := x509id.SubjectFromCertificate(&x509.Certificate{RawSubject: rawName(t, platform(ou(id), cn(id))...)})
			if testpki.Code(err) != want {
				t.Errorf("%s: %v", id, err)
			}
			if want == "" && got.String() != id {
				t.Errorf("%s became %s", id, got)
			}
		}
	}
}

func TestSubjectOfRefuses(t *testing.T) {
	const id = "NIHII-HOSPITAL=71000436"
	multi := ou(id)
	multi.more = &attribute{arc: 3, value: id}
	tests := []struct {
		name string
		in   []attribute
		want problem.Code
	}{
		{"nothing", nil, x509id.CertSubjectForm},
		{"no CN", platform(ou(id)), x509id.CertSubjectForm},
		{"two CN", platform(ou(id), cn(id), cn(id)), x509id.CertSubjectForm},
		{"two O", platform(ou(id), cn(id), o("Federal Government")), x509id.CertSubjectForm},
		{"several values", platform(multi, cn(id)), x509id.CertSubjectForm},
		{"other country", []attribute{c("FR"), o("Federal Government"), ou(id), ou("N"), ou("eHealth-platform Belgium"), cn(id)}, x509id.CertSubjectForm},
		{"other O", []attribute{c("BE"), o("A Hospital"), ou(id), ou("N"), ou("eHealth-platform Belgium"), cn(id)}, x509id.CertSubjectForm},
		{"no platform", []attribute{c("BE"), o("Federal Government"), ou(id), ou("N"), cn(id)}, x509id.CertSubjectForm},
		{"no name", []attribute{c("BE"), o("Federal Government"), ou(id), ou("eHealth-platform Belgium"), cn(id)}, x509id.CertSubjectForm},
		{"two names", platform(ou(id), cn(id), ou("OTHER")), x509id.CertSubjectForm},
		{"platform twice", platform(ou(id), cn(id), ou("eHealth-platform Belgium")), x509id.CertSubjectForm},
		{"CN not text", platform(ou(id), attribute{arc: 3, value: 7}), x509id.CertSubjectForm},
		{"CN empty", platform(ou(id), cn("")), x509id.CertSubjectForm},
		{"CN too long", platform(ou(id), cn(id+", "+strings.Repeat("A", 300))), x509id.CertSubjectForm},
		{"a name with a line end", []attribute{c("BE"), o("Federal Government"), ou(id), ou("A\nB"), ou("eHealth-platform Belgium"), cn(id)}, x509id.CertSubjectForm},
		{"CN a name", platform(ou(id), cn("Anna Claes")), x509id.CertSubjectForm},
		{"CN with more behind", platform(ou(id), cn(id+" ")), x509id.CertSubjectForm},
		{"CN with a line end", platform(ou(id), cn(id+"\n")), x509id.CertSubjectForm},
		{"CN in lower case", platform(ou(id), cn("nihii-hospital=71000436")), x509id.CertSubjectForm},
		{"application without a blank", platform(ou(id), ou("APP"), cn(id+",APP")), x509id.CertSubjectForm},
		{"application in lower case", platform(ou(id), ou("app"), cn(id+", app")), x509id.CertSubjectForm},
		{"application too long", platform(ou(id), cn(id+", "+strings.Repeat("A", 31))), x509id.CertSubjectForm},
		{"too many parts", platform(append([]attribute{ou(id), cn(id)}, make16()...)...), x509id.CertSubjectForm},
		{"unknown type", platform(ou("NIHII-DOCTOR=71000436"), cn("NIHII-DOCTOR=71000436")), x509id.CertSubjectType},
		{"too few digits", platform(ou("CBE=040322702"), cn("CBE=040322702")), x509id.CertSubjectNumber},
		{"OU of another", platform(ou("NIHII-HOSPITAL=71012413"), cn(id)), x509id.CertSubjectDisagrees},
		{"OU of another too", platform(ou(id), ou("NIHII-HOSPITAL=71012413"), cn(id)), x509id.CertSubjectDisagrees},
		{"identifier twice", platform(ou(id), ou(id), cn(id)), x509id.CertSubjectDisagrees},
		{"no OU", platform(cn(id)), x509id.CertSubjectDisagrees},
		{"application only in CN", platform(ou(id), cn(id+", APP")), x509id.CertSubjectDisagrees},
		{"application only in OU", platform(ou(id), ou("APP"), cn(id)), x509id.CertSubjectForm},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := x509id.SubjectFromCertificate(&x509.Certificate{RawSubject: rawName(t, tt.in...)})
			if testpki.Code(err) != tt.want || got != (x509id.Subject{}) {
				t.Errorf("got %+v, %v, want %s", got, err, tt.want)
			}
			if err != nil && strings.Contains(err.Error(), "7100") {
				t.Errorf("the text repeats the number: %v", err)
			}
		})
	}
}

func make16() []attribute {
	var all []attribute
	for range 16 {
		all = append(all, attribute{arc: 42, value: "X"})
	}
	return all
}

func TestSubjectOfRefusesWhatIsNotAName(t *testing.T) {
	name := rawName(t, platform(ou("SITE=1234"), cn("SITE=1234"))...)
	for _, raw := range [][]byte{nil, {0x30}, name[:len(name)-1], append(name, 5, 0)} {
		if _, err := x509id.SubjectFromCertificate(&x509.Certificate{RawSubject: raw}); testpki.Code(err) != x509id.CertSubjectForm {
			t.Errorf("%x: %v", raw, err)
		}
	}
}

func TestSubjectInLogsHidesPersons(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for _, name := range []string{"SSIN=78031412250", testpki.Hospital} {
		s, err := x509id.SubjectFromCertificate(testpki.Key(t, name).Certificate)
		if err != nil {
			t.Fatal(err)
		}
		if s.IsPerson() != strings.HasPrefix(name, "SSIN") {
			t.Errorf("%s: IsPerson is %v", name, s.IsPerson())
		}
		logger.Info("m", "signer", s)
	}
	if got := log.String(); strings.Contains(got, "78031412250") || strings.Contains(got, "CLAES") || !strings.Contains(got, "71000436") {
		t.Error(got)
	}
}

func FuzzSubject(f *testing.F) {
	f.Add(rawName(f, platform(ou("EHP=1990001916"), ou("VITALINKGATEWAY"), cn("EHP=1990001916, VITALINKGATEWAY"))...))
	f.Add(rawName(f, platform(ou("SSIN=78031412250"), cn("SSIN=78031412250"))...))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := x509id.SubjectFromCertificate(&x509.Certificate{RawSubject: raw})
		if err != nil {
			if s != (x509id.Subject{}) {
				t.Errorf("refused, and yet %+v", s)
			}
			return
		}
		units := []attribute{ou(s.Type + "=" + s.ID), ou(s.Name), ou("eHealth-platform Belgium")}
		if s.Application != "" {
			units = append(units, ou(s.Application))
		}
		again := rawName(t, append(append([]attribute{c("BE"), o("Federal Government")}, units...), cn(s.String()))...)
		if got, err := x509id.SubjectFromCertificate(&x509.Certificate{RawSubject: again}); err != nil || got != s {
			t.Errorf("%+v written and read is %+v, %v", s, got, err)
		}
	})
}

func TestAuthorityFollowsTheProfile(t *testing.T) {
	issuer := testpki.NewAuthority(t, testpki.Date(2020, 1, 1), testpki.Date(2100, 1, 1))
	key := testpki.IssueKey(t, issuer, func(o *authority.Order) {
		o.Subject = x509id.Subject{Type: "EHP", ID: "1990001916", Application: "VITALINKGATEWAY", Name: "VITALINK"}
	})
	c := key.Certificate
	wantName := rawName(t, []attribute{{arc: 6, value: "BE"}, {arc: 10, value: "Federal Government"}, {arc: 11, value: "EHP=1990001916"},
		{arc: 11, value: "VITALINK"}, {arc: 11, value: "eHealth-platform Belgium"}, {arc: 11, value: "VITALINKGATEWAY"},
		{arc: 3, value: "EHP=1990001916, VITALINKGATEWAY"}}...)
	if !bytes.Equal(c.RawSubject, wantName) {
		t.Errorf("the name is %s", c.Subject)
	}
	if c.KeyUsage != x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment|x509.KeyUsageKeyEncipherment {
		t.Errorf("the key usage is %b", c.KeyUsage)
	}
	if !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageEmailProtection}) {
		t.Errorf("the extended key usage is %v", c.ExtKeyUsage)
	}
	if c.IsCA || c.SignatureAlgorithm != x509.ECDSAWithSHA384 || c.SerialNumber.BitLen() != 127 {
		t.Errorf("authority %v, signed with %v, serial number of %d bits", c.IsCA, c.SignatureAlgorithm, c.SerialNumber.BitLen())
	}
}
