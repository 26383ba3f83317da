// Package pdfua writes tagged PDF documents that conform to PDF/A-2a (ISO 19005-2) and PDF/UA-1 (ISO 14289-1), and
// signs them with a PAdES baseline signature (ETSI EN 319 142-1). It writes PDF 1.7 (ISO 32000-1).
//
// It is a package of its own because it knows nothing of cards: a caller makes a Document, gets Pages, sets text in a
// FontFamily, and puts everything that it draws into the structure tree or marks it as decoration. Nothing can be drawn
// outside both, so that an untagged document cannot be made. Decision 0048 says why no library is used.
//
// The same calls give the same bytes, signed or not, with one version of Go.
package pdfua
