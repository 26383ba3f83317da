package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/openctr/ctr/internal/service"
	"github.com/openctr/ctr/internal/testing/browser"
)

// start starts a development service with a new register and returns the origin of its pages.
func start(t *testing.T) string {
	t.Helper()
	s, err := service.Start(t.Context(), service.Config{
		Now: time.Now, DataDirectory: t.TempDir(), Development: true, PlainHTTP: true, Environment: "Development",
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return strings.TrimSuffix(s.URL, "/ctr/v1")
}

// pictures returns the directory for screenshots: CTR_PICTURES, or one that is deleted.
func pictures(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("CTR_PICTURES"); dir != "" {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	return t.TempDir()
}

func readAxe(t *testing.T) []byte {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join("node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("%v: run npm ci in internal/testing/browser", err)
	}
	return axe
}

func signIn(tab *browser.Tab, origin, name, profile string) {
	tab.Open(origin + "/portal/sign-in?lang=en")
	tab.Click("link", "Sign in with eID, itsme or another digital key")
	tab.Click("button", name)
	if profile != "" {
		tab.Click("button", profile)
	}
}

// TestNotifyImplantation is what a surgeon does first: notify an implantation, with mistakes, and open the card; then
// the patient reads it. With and without scripts, on a desk and on a phone.
func TestNotifyImplantation(t *testing.T) {
	browser.Require(t)
	origin, axe, dir := start(t), readAxe(t), pictures(t)
	for _, withScripts := range []bool{true, false} {
		for _, size := range []browser.Size{browser.Desktop, browser.Phone} {
			t.Run(fmt.Sprintf("scripts %t, %d px", withScripts, size.Width), func(t *testing.T) {
				name := func(step string) string { return fmt.Sprintf("%s-%d-%t", step, size.Width, withScripts) }
				tab := browser.NewTab(t, browser.Options{Size: size, Language: "en", WithScripts: withScripts, Axe: axe, Pictures: dir})
				tab.Open(origin + "/portal/?lang=en")
				tab.Check(name("about"))
				tab.Click("link", "Sign in")
				tab.WaitFor("heading", "Sign in")
				tab.Check(name("sign-in"))
				signIn(tab, origin, "Anna Claes", "")
				tab.WaitFor("heading", "Choose your profile")
				tab.Check(name("profile"))
				tab.Click("button", "Doctor")
				tab.WaitFor("heading", "Welcome")
				tab.Check(name("welcome"))
				tab.Open(origin + "/portal/implantations/new")
				tab.Fill("Operation date", "31-13-2026")
				tab.Fill("Patient (national number)", "48.02.29-073.78")
				tab.Click("button", "Continue")
				tab.WaitFor("heading", "There is a problem")
				tab.Check(name("mistakes"))
				tab.Fill("Operation date", "20/11/2026")
				tab.Fill("Patient (national number)", "48.02.29-073.79")
				tab.Fill("Prescriber", "1-78003-89-480")
				tab.Fill("Prescription date", "2.11.2026")
				tab.Fill("Notification code", "000071200176")
				tab.Fill("UDI", "(01)05410000001047(17)291231(10)L2201(21)S-"+name("serial"))
				tab.Click("button", "Continue")
				tab.WaitFor("heading", "Check your answers")
				tab.Check(name("check"))
				tab.Click("button", "Confirm")
				tab.WaitFor("heading", "The notification is registered")
				tab.Check(name("registered"))
				number := regexp.MustCompile(`\d{15}`).FindString(tab.Text())
				if number == "" {
					t.Fatalf("no number:\n%s", tab.Text())
				}
				tab.Open(origin + "/portal/search/notification")
				tab.Fill("Notification number", number)
				tab.Click("button", "Search")
				tab.WaitFor("link", number)
				tab.Check(name("search"))
				tab.Click("button", "Sign out")
				tab.WaitFor("heading", "Sign in")
				signIn(tab, origin, "Jeanne Leroy", "")
				tab.WaitFor("heading", "My implants")
				tab.Check(name("me"))
				if text := tab.Text(); !strings.Contains(text, "L2201") {
					t.Errorf("the patient does not see the implant:\n%s", text)
				}
			})
		}
	}
}

// TestClerkPreparesAndSpecialistValidates goes through the life of a notification, in Dutch: a clerk submits it, its
// specialist validates it, removes the implant, and withdraws the removal.
func TestClerkPreparesAndSpecialistValidates(t *testing.T) {
	browser.Require(t)
	origin := start(t)
	tab := browser.NewTab(t, browser.Options{
		Size: browser.Desktop, Language: "nl", WithScripts: true, Axe: readAxe(t), Pictures: pictures(t),
	})
	enter := func(name, profile string) {
		tab.Open(origin + "/portal/sign-in?lang=nl")
		tab.Click("link", "Aanmelden met eID, itsme of een andere digitale sleutel")
		tab.Click("button", name)
		tab.Click("button", profile)
	}
	enter("Sofie Wouters", "Administratief personeel – Ziekenhuis Sint-Elooi")
	tab.WaitFor("heading", "Welkom")
	tab.Click("link", "Implantatie notificeren")
	tab.Fill("Specialist", "17800389480")
	tab.Fill("Datum van de operatie", "20112026")
	tab.Fill("Patiënt (INSZ)", "48022907379")
	tab.Fill("Voorschrijver", "17800389480")
	tab.Fill("Datum voorschrift", "2/11/2026")
	tab.Fill("Notificatiecode implantaat", "000071200176")
	tab.Fill("Lotnummer", "L2201")
	tab.Click("button", "Ter validatie voorleggen")
	tab.WaitFor("button", "Verwijderen")
	tab.Check("clerk-submitted")
	tab.Click("button", "Afmelden")
	tab.WaitFor("heading", "Aanmelden")

	enter("Anna Claes", "Arts")
	tab.WaitFor("heading", "Welkom")
	tab.Check("specialist-welcome")
	tab.Click("link", "Openen 48.02.29-073.79, 20/11/2026")
	tab.Click("button", "Valideren")
	tab.WaitFor("heading", "De notificatie is geregistreerd")
	tab.Check("specialist-validated")

	tab.Click("link", "Explantatie notificeren")
	tab.Fill("Datum van de operatie", "25/11/2026")
	tab.Fill("Patiënt (INSZ)", "48.02.29-073.79")
	tab.Click("button", "Implantaten van de patiënt tonen")
	const implant = "Total Knee System, femoral component, left, size 5, 20/11/2026"
	tab.WaitFor("checkbox", implant)
	tab.Check("explantation")
	tab.Click("button", "Doorgaan")
	tab.WaitFor("heading", "Er is een probleem")
	tab.Click("checkbox", implant)
	tab.Click("button", "Doorgaan")
	tab.WaitFor("heading", "Controleer uw antwoorden")
	tab.Check("explantation-check")
	tab.Click("button", "Bevestigen")
	tab.WaitFor("heading", "De notificatie is geregistreerd")
	tab.Check("explantation-registered")
}

// TestEndedSessionLosesNothing: the session ends while a form is filled in. After signing in again everything is there,
// but not for somebody else at the same computer.
func TestEndedSessionLosesNothing(t *testing.T) {
	browser.Require(t)
	origin := start(t)
	for _, who := range []struct {
		name  string
		isOwn bool
	}{{"Anna Claes", true}, {"Luc Dubois", false}} {
		t.Run(who.name, func(t *testing.T) {
			tab := browser.NewTab(t, browser.Options{Size: browser.Desktop, Language: "en", WithScripts: true})
			signIn(tab, origin, "Anna Claes", "Doctor")
			tab.WaitFor("heading", "Welcome")
			tab.Open(origin + "/portal/implantations/new")
			tab.Fill("Comment", "typed before the session ended")
			tab.ForgetSession()
			tab.Click("button", "Save draft")
			tab.WaitFor("heading", "Sign in")
			tab.Click("link", "Sign in with eID, itsme or another digital key")
			tab.Click("button", who.name)
			tab.Click("button", "Doctor")
			tab.WaitFor("heading", "Notify an implantation")
			if got := tab.Value("Comment"); (got == "typed before the session ended") != who.isOwn {
				t.Errorf("the form contains %q", got)
			}
		})
	}
}

// TestGrantAndAcceptMandate: a doctor gives a mandate, with mistakes first; the other person accepts it and ends it.
func TestGrantAndAcceptMandate(t *testing.T) {
	browser.Require(t)
	axe, dir := readAxe(t), pictures(t)
	for _, size := range []browser.Size{browser.Desktop, browser.Phone} {
		t.Run(fmt.Sprintf("%d px", size.Width), func(t *testing.T) {
			origin := start(t)
			name := func(step string) string { return fmt.Sprintf("mandate-%s-%d", step, size.Width) }
			tab := browser.NewTab(t, browser.Options{Size: size, Language: "en", WithScripts: true, Axe: axe, Pictures: dir})
			signIn(tab, origin, "Anna Claes", "Doctor")
			tab.Click("link", "Mandates")
			tab.WaitFor("heading", "Mandates")
			tab.Check(name("list"))
			tab.Fill("To", "31/13/2026")
			tab.Click("button", "Grant mandate")
			tab.WaitFor("heading", "There is a problem")
			tab.Check(name("mistakes"))
			tab.Fill("Person (national number)", "91.02.17-064.90")
			tab.Fill("To", "31/12/2099")
			tab.Click("button", "Grant mandate")
			tab.WaitFor("button", "End 91.02.17-064.90")
			tab.Check(name("granted"))
			if text := tab.Text(); !strings.Contains(text, "31/12/2099\tNot accepted yet") {
				t.Errorf("the mandate is not in the list:\n%s", text)
			}
			tab.Fill("Person (national number)", "91021706490")
			tab.Click("button", "Grant mandate")
			tab.WaitFor("heading", "There is a problem")
			tab.Click("button", "End 91.02.17-064.90")
			tab.WaitFor("cell", "Ended")
			tab.Fill("Person (national number)", "69.09.22-341.26")
			tab.Click("button", "Grant mandate")
			tab.Click("DisclosureTriangle", "Transfer 69.09.22-341.26")
			tab.WaitFor("button", "Transfer the mandate of 69.09.22-341.26")
			tab.Check(name("transfer"))
			tab.Click("button", "Transfer the mandate of 69.09.22-341.26")
			tab.WaitFor("heading", "There is a problem")
			tab.Click("DisclosureTriangle", "Transfer 69.09.22-341.26")
			tab.Fill("To this person (national number) 69.09.22-341.26", "91021706490")
			tab.Click("button", "Transfer the mandate of 69.09.22-341.26")
			tab.WaitFor("button", "End 91.02.17-064.90")
			tab.Check(name("transferred"))
			tab.Click("button", "Sign out")
			tab.WaitFor("heading", "Sign in")

			signIn(tab, origin, "Sofie Wouters", "Patient")
			tab.Click("link", "Mandates")
			tab.Click("button", "Accept 78.03.14-122.50")
			tab.WaitFor("cell", "In force")
			tab.Check(name("accepted"))
			tab.Click("button", "End 78.03.14-122.50")
			tab.WaitFor("cell", "Ended")
			tab.Check(name("ended"))
		})
	}
}

// TestAssignAndRefuseRole: an access manager assigns a role, in Dutch, and the person refuses it.
func TestAssignAndRefuseRole(t *testing.T) {
	browser.Require(t)
	axe, dir := readAxe(t), pictures(t)
	for _, size := range []browser.Size{browser.Desktop, browser.Phone} {
		t.Run(fmt.Sprintf("%d px", size.Width), func(t *testing.T) {
			origin := start(t)
			name := func(step string) string { return fmt.Sprintf("role-%s-%d", step, size.Width) }
			tab := browser.NewTab(t, browser.Options{Size: size, Language: "nl", WithScripts: true, Axe: axe, Pictures: dir})
			enter := func(name, profile string) {
				tab.Open(origin + "/portal/sign-in?lang=nl")
				tab.Click("link", "Aanmelden met eID, itsme of een andere digitale sleutel")
				tab.Click("button", name)
				tab.Click("button", profile)
			}
			enter("Johan Smit", "Toegangsbeheerder – Ziekenhuis Sint-Elooi")
			tab.Click("link", "Rollen")
			tab.WaitFor("heading", "Rollen in mijn organisatie")
			tab.Check(name("list"))
			tab.Select("Rol", "AccessManager")
			tab.Fill("Tot en met", "01/01/2020")
			tab.Click("button", "Rol toekennen")
			tab.WaitFor("heading", "Er is een probleem")
			tab.Check(name("mistakes"))
			tab.Fill("Persoon (INSZ)", "84.06.12-052.36")
			tab.Click("button", "Rol toekennen")
			tab.WaitFor("link", "De laatste dag ligt vóór de eerste dag.")
			tab.Fill("Tot en met", "31/12/2099")
			tab.Click("button", "Rol toekennen")
			tab.WaitFor("button", "Beëindigen Toegangsbeheerder, 84.06.12-052.36")
			tab.Check(name("assigned"))
			tab.Click("button", "Afmelden")
			tab.WaitFor("heading", "Aanmelden")

			enter("Pieter Van Damme", "Toegangsbeheerder – Ziekenhuis Sint-Elooi")
			tab.Click("link", "Rollen")
			tab.Click("button", "Weigeren Toegangsbeheerder, Ziekenhuis Sint-Elooi")
			tab.WaitFor("heading", "Rollen die ik gekregen heb")
			tab.Check(name("refused"))
		})
	}
}
