package implants_test

import (
	"context"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/authorization"
	"github.com/openctr/ctr/internal/platform"
	"github.com/openctr/ctr/internal/platform/ident"
	"github.com/openctr/ctr/internal/problem"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	const (
		hospitalCert = "NIHII-HOSPITAL=71000436"
		claesCert    = "SSIN=78031412250"
		doctor11     = "urn:be:fgov:person:ssin:ehealth:1.0:doctor:nihii11"
		byNumber     = "urn:be:fgov:ehealth:1.0:hospital:nihii-number"
	)
	author := func(pairs ...string) platform.Author {
		var a platform.Author
		for i := 0; i < len(pairs); i += 2 {
			a = append(a, platform.AuthorID{Type: pairs[i], Value: pairs[i+1]})
		}
		return a
	}
	cases := []struct {
		name   string
		signer string
		author platform.Author
		person ident.SSIN
		code   problem.Code
	}{
		{"a person alone", claesCert, nil, claes, ""},
		{"a person, naming himself", claesCert, author("urn:be:fgov:person:ssin", "78031412250"), claes, ""},
		{"a person, naming himself by NIHII", claesCert, author("NIHII", "17800389480"), claes, ""},
		{"a person, by the number without qualification", claesCert, author("NIHII", "17800389"), claes, ""},
		{"a person who is in no register", "SSIN=12451200933", nil, kaya, ""},
		{"a person, naming another", claesCert, author("SSIN", "69092234126"), ident.SSIN{}, platform.AuthorDisagrees},
		{"a person, naming another by NIHII", claesCert, author("NIHII", "16900269730"), ident.SSIN{}, platform.AuthorDisagrees},
		{"a person, naming a NIHII nobody has", claesCert, author("NIHII", "19997341"), ident.SSIN{}, platform.AuthorDisagrees},
		{"a person, naming an organisation", claesCert, author("NIHII", "71000436"), ident.SSIN{}, platform.AuthorDisagrees},

		{"an organisation, SSIN in short", hospitalCert, author("SSIN", "78031412250"), claes, ""},
		{"SSIN as the platform writes it", hospitalCert, author("urn:be:fgov:person:ssin", "78031412250"), claes, ""},
		{"SSIN of the certificate's holder", hospitalCert, author("urn:be:fgov:ehealth:1.0:certificateholder:person:ssin", "78031412250"), claes, ""},
		{"NIHII in short", hospitalCert, author("NIHII", "17800389480"), claes, ""},
		{"NIHII as the platform writes it", hospitalCert, author(doctor11, "17800389480"), claes, ""},
		{"NIHII of the health insurance", hospitalCert, author("urn:be:fgov:person:ssin:ehealth:1.0:nihii:doctor:nihii11", "17800389480"), claes, ""},
		{"both numbers", hospitalCert, author("SSIN", "78031412250", "NIHII", "17800389480"), claes, ""},
		{"the same twice", hospitalCert, author("SSIN", "78031412250", "urn:be:fgov:person:ssin", "78031412250"), claes, ""},
		{"staff", hospitalCert, author("SSIN", "91021706490"), wouters, ""},
		{"beside the organisation's own number", hospitalCert, author("NIHII", "71000436", "SSIN", "78031412250"), claes, ""},
		{"with the qualification", hospitalCert, author(byNumber, "71000436000", "SSIN", "78031412250"), claes, ""},
		{"beside a truth value of the platform", hospitalCert,
			author(byNumber+":recognisedhospital:boolean", "true", "SSIN", "78031412250"), claes, ""},
		{"beside what we do not read", hospitalCert, author("CBE", "0403227020", "urn:x:y", "z", "SSIN", "78031412250"), claes, ""},
		{"another type of organisation", "NIHII-PHARMACY=21500346", author("SSIN", "72010120721"), maes, ""},
		{"an application of the organisation", "NIHII-HOSPITAL=71000436", author("SSIN", "78031412250"), claes, ""},

		{"nobody", hospitalCert, nil, ident.SSIN{}, platform.AuthorRequired},
		{"only the organisation", hospitalCert, author("NIHII", "71000436"), ident.SSIN{}, platform.AuthorRequired},
		{"only what we do not read", hospitalCert, author("CBE", "0403227020"), ident.SSIN{}, platform.AuthorRequired},
		{"two people", hospitalCert, author("SSIN", "78031412250", "SSIN", "91021706490"), ident.SSIN{}, platform.AuthorAmbiguous},
		{"two people by NIHII", hospitalCert, author("NIHII", "17800389480", doctor11, "16900269730"), ident.SSIN{}, platform.AuthorAmbiguous},
		{"two people by both numbers", hospitalCert, author("SSIN", "91021706490", "NIHII", "17800389480"), ident.SSIN{}, platform.AuthorAmbiguous},
		{"another organisation beside", hospitalCert, author("SSIN", "78031412250", "NIHII", "71012413"), ident.SSIN{}, platform.AuthorDisagrees},
		{"another organisation by its long name", hospitalCert, author(byNumber, "71012413", "SSIN", "78031412250"), ident.SSIN{}, platform.AuthorDisagrees},
		{"wrong check digits", hospitalCert, author("SSIN", "78031412251"), ident.SSIN{}, ident.SSINInvalid},
		{"wrong check digits of NIHII", hospitalCert, author("NIHII", "17800388480"), ident.SSIN{}, ident.NIHIIInvalid},
		{"an empty NIHII", hospitalCert, author("NIHII", ""), ident.SSIN{}, ident.NIHIIInvalid},
		{"not of the organisation", hospitalCert, author("SSIN", "85073003328"), ident.SSIN{}, authorization.AuthorNotAttached},
		{"a NIHII nobody has", hospitalCert, author("NIHII", "19997341"), ident.SSIN{}, authorization.AuthorNotAttached},
		{"an organisation nobody knows", "NIHII-HOSPITAL=71022212", author("SSIN", "78031412250"), ident.SSIN{}, authorization.AuthorNotAttached},

		{"an enterprise", "CBE=0403227020", author("SSIN", "78031412250"), ident.SSIN{}, platform.CertificateCBE},
		{"an enterprise's treatment", "CBE-TREAT=0403227020", nil, ident.SSIN{}, platform.CertificateCBE},
		{"another kind of certificate", "EHP=1990001916", nil, ident.SSIN{}, platform.CertificateUnfit},
		{"no kind", "=1", nil, ident.SSIN{}, platform.CertificateUnfit},
		{"a person's number that is none", "SSIN=78031412251", nil, ident.SSIN{}, platform.CertificateUnfit},
		{"an organisation's number that is none", "NIHII-HOSPITAL=71000437", nil, ident.SSIN{}, platform.CertificateUnfit},
	}
	d := newTestRegister(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			caller, err := d.Identify(t.Context(), d.newMessage(c.signer), c.author)
			if c.code == "" && err != nil || caller.Person() != c.person {
				t.Fatalf("found %v, %v", caller.Person(), err)
			}
			if c.code != "" {
				wantCode(t, err, c.code)
			}
			if e := problem.From(err); err != nil && e.Kind != problem.Forbidden && e.Path != "Author" {
				t.Errorf("at %q", e.Path)
			}
		})
	}
	if n := len(d.newEvents()); n != 0 {
		t.Errorf("%d events recorded: who is refused here is recorded by Refuse", n)
	}
}

// TestAuthorOfUnknownType: the refusal repeats an unknown type unless it could contain a person's number or is too
// long.
func TestAuthorOfUnknownType(t *testing.T) {
	t.Parallel()
	const byNumber = "urn:be:fgov:ehealth:1.0:hospital:nihii-number"
	d := newTestRegister(t)
	for _, c := range []struct{ unknown, named string }{
		{"INSZ", "INSZ"},
		{"urn:be:fgov:person:ssin:ehealth:1.0:doctor:nihii", "urn:be:fgov:person:ssin:ehealth:1.0:doctor:nihii"},
		{"78.03.14-122.50", "…"},
		{"", "…"},
		{strings.Repeat("x", 129), "…"},
	} {
		_, err := d.Identify(t.Context(), d.newMessage("NIHII-HOSPITAL=71000436"), platform.Author{
			{Type: byNumber, Value: "71000436000"}, {Type: c.unknown, Value: "78031412250"},
		})
		wantCode(t, err, platform.AuthorRequired)
		want := "cc:Id has an unknown Type, " + c.named + " - known are SSIN, NIHII, urn:be:fgov:person:ssin, " +
			"urn:be:fgov:ehealth:1.0:certificateholder:person:ssin, urn:be:fgov:person:ssin:…:nihii11"
		if got := problem.From(err).Detail.String(); got != want {
			t.Errorf("%q: %q", c.unknown, got)
		}
	}
	for _, author := range []platform.Author{nil, {{Type: byNumber, Value: "71000436000"}}} {
		_, err := d.Identify(t.Context(), d.newMessage("NIHII-HOSPITAL=71000436"), author)
		wantCode(t, err, platform.AuthorRequired)
		if got := problem.From(err).Detail.String(); got != "" {
			t.Errorf("%v: %q", author, got)
		}
	}
}

// signatureInvalid is the code of package dsig, which the register does not import and whose kind is therefore declared
// here.
const signatureInvalid problem.Code = "SIGNATURE_INVALID"

func init() { problem.Register(problem.Properties{Kind: problem.Unauthenticated}, signatureInvalid) }

func TestRefuse(t *testing.T) {
	t.Parallel()
	d := newTestRegister(t)
	m := d.newMessage("NIHII-HOSPITAL=71000436")
	m.Signer.Application = "EPD"
	refusal := problem.New(platform.AuthorRequired).WithPath("Author")
	if err := d.RecordRefusal(t.Context(), m, refusal); !sameProblem(err, refusal) {
		t.Errorf("got %v", err)
	}
	e := d.singleEvent()
	if e.Outcome != platform.OutcomeRefused || e.Signer != "NIHII-HOSPITAL=71000436, EPD" || e.Capacity != "" || !e.Person.IsZero() || len(e.Codes) != 1 ||
		e.Codes[0] != platform.AuthorRequired {
		t.Errorf("recorded as %+v", e)
	}
	// The replay key is consumed: whatever else is wrong, the second arrival gets MESSAGE_REPLAYED.
	wantCode(t, d.RecordRefusal(t.Context(), m, refusal), platform.MessageReplayed)
	if e = d.singleEvent(); e.Codes[0] != platform.MessageReplayed {
		t.Errorf("recorded as %+v", e)
	}
	// An unverified sender has neither a name nor a replay key.
	stranger := platform.SignedMessage{Correlation: "c"}
	for range 2 {
		wantCode(t, d.RecordRefusal(t.Context(), stranger, problem.New(signatureInvalid)), signatureInvalid)
		if e = d.singleEvent(); e.Signer != "" || e.Outcome != platform.OutcomeRefused {
			t.Errorf("recorded as %+v", e)
		}
	}
	// An internal failure is not a refusal.
	wantCode(t, d.RecordRefusal(t.Context(), stranger, problem.New(problem.StoreDown)), problem.StoreDown)
	if n := len(d.newEvents()); n != 0 {
		t.Errorf("%d events recorded", n)
	}
	// Without a durable audit event there is no answer.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantCode(t, d.RecordRefusal(ctx, stranger, refusal), problem.StoreDown)
}

func sameProblem(a, b error) bool { return problem.From(a) == problem.From(b) }
