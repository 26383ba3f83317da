package sandbox

import "github.com/openctr/ctr/internal/texts"

// texts holds all texts of the pages in one language. A test requires every field in every language.
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

func textsFor(l texts.Lang) *pageTexts {
	switch l {
	case "nl":
		return &dutch
	case "fr":
		return &french
	case "de":
		return &german
	}
	return &english
}

// Role translates a type or role of the authentic sources. The templates call it.
func (t *pageTexts) Role(name string) string {
	if word := t.Roles[name]; word != "" {
		return word
	}
	return name
}
