package browser_test

import (
	"fmt"
	"testing"

	"github.com/openctr/ctr/internal/testing/browser"
)

// runOperator signs the invented operator in, with and without scripts, on a desk and on a phone, to a register with one
// notification.
func runOperator(t *testing.T, f func(t *testing.T, tab *browser.Tab, origin string, check func(step string))) {
	t.Helper()
	browser.Require(t)
	axe, dir := readAxe(t), pictures(t)
	for _, withScripts := range []bool{true, false} {
		for _, size := range []browser.Size{browser.Desktop, browser.Phone} {
			t.Run(fmt.Sprintf("scripts %t, %d px", withScripts, size.Width), func(t *testing.T) {
				origin := start(t)
				doctor := browser.NewTab(t, browser.Options{Size: browser.Desktop, Language: "en"})
				signIn(doctor, origin, "Anna Claes", "Doctor")
				doctor.WaitFor("heading", "Welcome")
				doctor.Open(origin + "/portal/implantations/new")
				doctor.Fill("Operation date", "20/11/2026")
				doctor.Fill("Patient (national number)", "48.02.29-073.79")
				doctor.Fill("Prescriber", "1-78003-89-480")
				doctor.Fill("Prescription date", "2.11.2026")
				doctor.Fill("Notification code", "000071200176")
				doctor.Fill("UDI", "(01)05410000001047(17)291231(10)L2201(21)S-1")
				doctor.Click("button", "Continue")
				doctor.Click("button", "Confirm")
				doctor.WaitFor("heading", "The notification is registered")
				tab := browser.NewTab(t, browser.Options{Size: size, Language: "en", WithScripts: withScripts, Axe: axe, Pictures: dir})
				signIn(tab, origin, "Minh Nguyen", "Operator")
				tab.WaitFor("heading", "Recalls")
				f(t, tab, origin, func(step string) { tab.Check(fmt.Sprintf("operator-%s-%d-%t", step, size.Width, withScripts)) })
			})
		}
	}
}

// TestOperatorFollowsRecall: an operator starts a recall, with a mistake first, and notes that the specialist answered;
// then they search the audit log, with a mistake first.
func TestOperatorFollowsRecall(t *testing.T) {
	runOperator(t, func(_ *testing.T, tab *browser.Tab, origin string, check func(string)) {
		check("recalls-empty")
		tab.Fill("From", "01/01/2026")
		tab.Click("button", "Start recall")
		tab.WaitFor("heading", "There is a problem")
		check("recalls-mistakes")
		tab.Fill("Lot", "L2200")
		tab.Fill("Last lot of the range", "L2299")
		tab.Click("button", "Start recall")
		tab.WaitFor("heading", "Responsible specialists")
		check("recall")
		const state, save = "State Anna Claes 17800389480", "Save Anna Claes 17800389480"
		tab.Select(state, "answered")
		tab.Click("button", save)
		tab.WaitFor("cell", "Answered")
		check("recall-answered")
		tab.Fill("Reason to name the patients", "short")
		tab.Click("button", "Download as CSV")
		tab.WaitFor("heading", "There is a problem")
		check("recall-reason")
		for _, lang := range []string{"nl", "fr", "de", "en"} {
			tab.Open(origin + "/portal/operator/?lang=" + lang)
			check("recalls-" + lang)
			tab.Open(origin + "/portal/operator/audit")
			tab.WaitFor("combobox", map[string]string{"nl": "Wat tonen", "fr": "Que montrer", "de": "Was zeigen", "en": "What to show"}[lang])
			check("audit-" + lang)
		}
		tab.Fill("Patient", "1")
		tab.Click("button", "Search")
		tab.WaitFor("heading", "There is a problem")
		check("audit-mistakes")
		tab.Fill("Patient", "48.02.29-073.79")
		tab.Select("What to show", "all")
		tab.Click("button", "Search")
		tab.WaitFor("heading", "Results")
		check("audit-results")
	})
}

// TestOperatorReadsState: the state of a new service in four languages, with something to look at.
func TestOperatorReadsState(t *testing.T) {
	runOperator(t, func(_ *testing.T, tab *browser.Tab, origin string, check func(string)) {
		tab.Click("link", "State of the service")
		tab.WaitFor("heading", "State of the service")
		for lang, heading := range map[string]string{"nl": "Back-up", "fr": "Sauvegarde", "de": "Sicherung", "en": "Backup"} {
			tab.Open(origin + "/portal/operator/state?lang=" + lang)
			tab.WaitFor("heading", heading)
			check("state-" + lang)
		}
	})
}
