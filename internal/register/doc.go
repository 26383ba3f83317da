// Package register is the domain: what an implantation and an explantation are, who may report and who may read them,
// and which rules they must keep.
//
// It is separate so that every decision of the register can be read, and tested, without XML, HTTP or SQL: callers
// arrive as values made from a verified signature, state comes through the one interface [Store], time and identifiers
// are injected. The two files that a lawyer reads are authorise.go (who may) and rules.go (what is refused or warned).
//
// Facts of the field: Royal Decree of 27 September 2020 on the Central Tracing Register (ten categories of implants),
// the register's manual of December 2021, and the identifiers of the packages ident and udi.
package register
