// Package access identifies callers and manages what lets people act for others: mandates between persons, and the
// roles of an organisation's staff. Its entry points are [New] and [Service.Identify].
//
// It is separate from package platform, whose values and transactions it uses, because its services ask package
// authorization, which in turn knows the platform's values. It knows nothing of any register.
package access
