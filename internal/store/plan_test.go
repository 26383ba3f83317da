package store

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/openctr/ctr/internal/register"
	"github.com/openctr/ctr/internal/register/ident"
)

// No question that a caller can ask reads a whole table: the cost is flat in the number of notifications.
func TestEveryStatementHasAnIndex(t *testing.T) {
	db, err := Open(t.Context(), Config{Directory: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if closeErr := db.Close(); closeErr != nil {
			t.Error(closeErr)
		}
	})
	ssin, err := ident.ParseSSIN("78031412250")
	if err != nil {
		t.Fatal(err)
	}
	code, err := ident.ParseNotificationCode("000071200176")
	if err != nil {
		t.Fatal(err)
	}
	day, err := ident.ParseDate("2026-11-21")
	if err != nil {
		t.Fatal(err)
	}
	number, err := ident.NewNotificationNumber(day, 1)
	if err != nil {
		t.Fatal(err)
	}
	questions := map[string]func(r register.Reader) error{
		"Notification":    func(r register.Reader) error { _, _, err := r.Notification(number); return err },
		"Submission":      func(r register.Reader) error { _, _, err := r.Submission("signer", "reference"); return err },
		"Implant":         func(r register.Reader) error { _, _, err := r.Implant("id"); return err },
		"Implants":        func(r register.Reader) error { _, err := r.Implants(ssin, day); return err },
		"History":         func(r register.Reader) error { _, err := r.History(ssin); return err },
		"SerialInPatient": func(r register.Reader) error { _, err := r.SerialInPatient("S-1", code, "1"); return err },
		"Person":          func(r register.Reader) error { _, _, err := r.Person(ssin); return err },
		"Practices":       func(r register.Reader) error { _, err := r.Practices(register.ProfessionalRef{SSIN: ssin}); return err },
		"Links":           func(r register.Reader) error { _, err := r.Links(ssin, ssin); return err },
		"DeviceByCode":    func(r register.Reader) error { _, _, err := r.DeviceByCode(code); return err },
		"DeviceByDI":      func(r register.Reader) error { _, _, err := r.DeviceByDI("1"); return err },
	}
	for name, q := range map[string]register.Query{
		"patient":          {Patient: ssin, From: day},
		"number":           {Number: number},
		"specialist":       {Specialist: ssin},
		"serial":           {Serial: "S-1"},
		"lot":              {Lot: "L"},
		"code":             {Code: code},
		"own code":         {Code: code, PatientsOf: ssin, On: day},
		"own serial":       {Serial: "S-1", PatientsOf: ssin, On: day},
		"own patients":     {PatientsOf: ssin, On: day},
		"number of own":    {Number: number, PatientsOf: ssin, On: day},
		"patient and code": {Patient: ssin, Code: code},
	} {
		q.Limit = 10
		questions["search by "+name] = func(r register.Reader) error { _, _, err := r.Search(q); return err }
	}
	for name, ask := range questions {
		err := db.engine.read(t.Context(), func(s *session) error {
			recorder := &recorder{querier: s.on}
			watched := &session{ctx: s.ctx, on: recorder, dialect: s.dialect}
			if err := ask(view{watched}); err != nil {
				return err
			}
			for _, text := range recorder.texts {
				var plan []struct {
					ID      int    `db:"id"`
					Parent  int    `db:"parent"`
					Unused  int    `db:"notused"`
					Details string `db:"detail"`
				}
				if err := s.on.SelectContext(s.ctx, &plan, "EXPLAIN QUERY PLAN "+text, make([]any, strings.Count(text, "?"))...); err != nil {
					return fmt.Errorf("%s: %w", text, err)
				}
				for _, step := range plan {
					if strings.HasPrefix(step.Details, "SCAN ") && !strings.Contains(step.Details, "CONSTANT ROW") && !strings.Contains(step.Details, "SUBQUERY") {
						t.Errorf("%s: %s\n%s", name, step.Details, text)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// recorder notes the statements that go by.
type recorder struct {
	querier
	texts []string
}

func (r *recorder) GetContext(ctx context.Context, dest any, query string, args ...any) error {
	r.texts = append(r.texts, query)
	return r.querier.GetContext(ctx, dest, query, args...)
}

func (r *recorder) SelectContext(ctx context.Context, dest any, query string, args ...any) error {
	r.texts = append(r.texts, query)
	return r.querier.SelectContext(ctx, dest, query, args...)
}
