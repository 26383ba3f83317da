package sandbox

import (
	"reflect"
	"regexp"
	"strings"

	"github.com/openctr/ctr/internal/devkit/testmessages"
	"github.com/openctr/ctr/internal/texts"
)

// pageTexts holds all texts of the pages in one language. The words of Title are those of the key sandbox.title.
type pageTexts struct {
	Title, Lead, Skip, Language, Contents, Back                                                       string
	Warning, WhatTitle, What, Privacy                                                                 string
	AddressTitle, Address, AddressHint, Health                                                        string
	FormPlain, FormSOAP12, FormPolicy, FormFlat, FormZip                                              string
	CertTitle, CertLead, CertPassword, CertAuthority, CertRevocation                                  string
	ColumnTakenFor, ColumnUntil, ColumnUse                                                            string
	PeopleTitle, PeopleLead, ColumnName, ColumnRole, ColumnWorks, Dead                                string
	OrganisationsTitle, ColumnType, DevicesTitle, ColumnCode, ColumnDevice, ColumnMaker, ColumnState  string
	FirstTitle, FirstLead, FirstGet, FirstSend, FirstCheck, FirstTool, FirstPolicy, ClientsHint       string
	SamplesTitle, SamplesLead, Unsigned, Signed, SignedSOAP12, Send                                   string
	MistakesTitle, MistakesLead, GroupSignature, GroupTime, GroupCertificate, GroupContent            string
	Break, Download                                                                                   string
	CheckTitle, CheckLead, CheckPaste, CheckFile, CheckButton, CheckNothing, CheckTooLarge, CheckBusy string
	CheckResult, Seen, StatusOK, StatusRefused, StatusUnchecked                                       string
	ResetTitle, ResetLead, ResetConfirm, ResetButton, ResetDone, ResetImpossible, ResetElsewhere      string
	ResetUnconfirmed, ResetFailed                                                                     string
	ConformanceTitle, Conformance                                                                     string
	ResultSent, ResultFirst, ResultAnswer, ResultAccepted, ResultRefused, ResultNumber                string
	ResultMessage, ResultFault, ResultAgain, Place, FaultCode, OtherSite, NoSuchFile, KeysUnreadable  string

	Operations   map[string]string
	Certificates map[string]string
	Roles        map[string]string // by the authentic sources' names of types and roles
	Mistakes     map[string]mistakeText
}

// mistakeText describes a mistake and its usual cause.
type mistakeText struct{ Title, How string }

// roleNames are the authentic sources' names of types, roles and states that have words.
var roleNames = []string{
	"Active", "AdministrativeStaff", "ChiefAccessManager", "Deleted", "Dentist", "Hospital", "Patient",
	"Pharmacist", "Pharmacy", "Physician", "Recalled", "RetirementHome", "Specialist", "TitularPharmacist",
}

// declaredTexts are the texts of the pages by the name of their field, and by area and name.
var declaredTexts = declareTexts()

func declareTexts() map[string]texts.Text {
	all := map[string]texts.Text{}
	fields := reflect.TypeFor[pageTexts]()
	for i := range fields.NumField() {
		if field := fields.Field(i); field.Type.Kind() == reflect.String {
			all[field.Name] = texts.Declare(texts.Key("sandbox." + snakeCase(field.Name)))
		}
	}
	declare := func(names ...string) {
		name := strings.Join(names, ".")
		all[name] = texts.Declare(texts.Key("sandbox." + name))
	}
	for _, name := range testmessages.Operations() {
		declare("operation", name)
	}
	for _, kind := range certificateKinds {
		declare("certificate", kind)
	}
	for _, name := range roleNames {
		declare("role", name)
	}
	for _, m := range testmessages.Mistakes() {
		declare("mistake", m.Name, "title")
		declare("mistake", m.Name, "how")
	}
	return all
}

var wordBoundary = regexp.MustCompile(`([a-z0-9])([A-Z])`)

func snakeCase(field string) string {
	return strings.ToLower(wordBoundary.ReplaceAllString(field, "${1}_$2"))
}

// textsFor returns the texts of the pages in a language.
func textsFor(l texts.Lang) *pageTexts {
	t := &pageTexts{
		Operations:   map[string]string{},
		Certificates: map[string]string{},
		Roles:        map[string]string{},
		Mistakes:     map[string]mistakeText{},
	}
	fields := reflect.ValueOf(t).Elem()
	for name, text := range declaredTexts {
		words := text.Translate(l)
		area, rest, grouped := strings.Cut(name, ".")
		switch {
		case !grouped:
			fields.FieldByName(name).SetString(words)
		case area == "operation":
			t.Operations[rest] = words
		case area == "certificate":
			t.Certificates[rest] = words
		case area == "role":
			t.Roles[rest] = words
		case area == "mistake":
			mistake, part, _ := strings.Cut(rest, ".")
			m := t.Mistakes[mistake]
			if part == "title" {
				m.Title = words
			} else {
				m.How = words
			}
			t.Mistakes[mistake] = m
		}
	}
	return t
}

// Role translates a type or role of the authentic sources. The templates call it.
func (t *pageTexts) Role(name string) string {
	if word := t.Roles[name]; word != "" {
		return word
	}
	return name
}
