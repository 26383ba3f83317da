using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Security.Cryptography.Xml;
using System.Text;
using System.Threading.Tasks;
using System.Xml;
using System.Xml.Linq;

/// <summary>
/// Calls the register: puts a request into an envelope, signs it as WS-Security asks, posts it, and returns what the Body of
/// the reply holds. Make one and keep it: it keeps the connection.
/// </summary>
public sealed class SignedSoapClient : IDisposable
{
    static readonly XNamespace Soap11 = "http://schemas.xmlsoap.org/soap/envelope/";
    static readonly XNamespace Soap12 = "http://www.w3.org/2003/05/soap-envelope";
    static readonly XNamespace Wsse = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";
    static readonly XNamespace Wsu = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

    const string Base64Binary = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary";
    const string X509v3 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3";
    const string RsaSha256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
    const string Sha256 = "http://www.w3.org/2001/04/xmlenc#sha256";

    /// <summary>How long a message is good. The register takes five minutes at most.</summary>
    static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(1);

    readonly Uri address;
    readonly XNamespace soap;
    readonly X509Certificate2 certificate;
    readonly X509Certificate2Collection authorities;
    readonly HttpClient http;

    /// <param name="address">the service's address, ending in /ctr/v1</param>
    /// <param name="authorities">whom to trust for TLS: these and nobody else</param>
    /// <param name="certificate">the certificate that signs, with its RSA key</param>
    /// <param name="soap12">SOAP 1.2 instead of 1.1</param>
    public SignedSoapClient(Uri address, X509Certificate2Collection authorities, X509Certificate2 certificate, bool soap12)
    {
        this.address = address;
        this.authorities = authorities;
        this.certificate = certificate;
        soap = soap12 ? Soap12 : Soap11;
        http = new HttpClient(new HttpClientHandler
        {
            UseProxy = false,
            ServerCertificateCustomValidationCallback = (request, server, chain, errors) => Trusts(server, chain, errors),
        })
        {
            Timeout = TimeSpan.FromSeconds(20),
        };
    }

    public void Dispose() => http.Dispose();

    /// <summary>Sends a request and returns the element in the Body of the reply; a fault becomes a RefusedException.</summary>
    public async Task<XElement> CallAsync(XElement request)
    {
        string action = request.Name.NamespaceName + ":" + request.Name.LocalName.Replace("Request", "");
        var content = new ByteArrayContent(Encoding.UTF8.GetBytes(Sign(Envelope(request))));
        if (soap == Soap12)
        {
            content.Headers.ContentType =
                MediaTypeHeaderValue.Parse("application/soap+xml; charset=utf-8; action=\"" + action + "\"");
        }
        else
        {
            content.Headers.ContentType = MediaTypeHeaderValue.Parse("text/xml; charset=utf-8");
            content.Headers.Add("SOAPAction", "\"" + action + "\"");
        }

        using (HttpResponseMessage response = await http.PostAsync(address, content).ConfigureAwait(false))
        {
            byte[] reply = await response.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
            XElement body = Body(reply);
            if (body == null)
            {
                throw new HttpRequestException("no SOAP message came back, but HTTP status " + (int)response.StatusCode);
            }
            if (body.Name == soap + "Fault")
            {
                throw new RefusedException(body);
            }
            return body;
        }
    }

    XElement Envelope(XElement request)
    {
        DateTime now = DateTime.UtcNow;
        return new XElement(soap + "Envelope",
            new XAttribute(XNamespace.Xmlns + "soap", soap.NamespaceName),
            new XAttribute(XNamespace.Xmlns + "wsse", Wsse.NamespaceName),
            new XAttribute(XNamespace.Xmlns + "wsu", Wsu.NamespaceName),
            new XElement(soap + "Header",
                new XElement(Wsse + "Security",
                    new XAttribute(soap + "mustUnderstand", "1"),
                    new XElement(Wsse + "BinarySecurityToken",
                        new XAttribute(Wsu + "Id", "token"),
                        new XAttribute("EncodingType", Base64Binary),
                        new XAttribute("ValueType", X509v3),
                        Convert.ToBase64String(certificate.RawData)),
                    new XElement(Wsu + "Timestamp",
                        new XAttribute(Wsu + "Id", "timestamp"),
                        new XElement(Wsu + "Created", Instant(now)),
                        new XElement(Wsu + "Expires", Instant(now + Lifetime))))),
            new XElement(soap + "Body",
                new XAttribute(Wsu + "Id", "body"),
                request));
    }

    /// <summary>Signs Body, Timestamp and token, and returns what must go over the line, to the letter.</summary>
    string Sign(XElement envelope)
    {
        // Without PreserveWhitespace, spaces and line ends in the texts would be lost between signing and sending.
        var document = new XmlDocument { PreserveWhitespace = true };
        using (XmlReader reader = envelope.CreateReader())
        {
            document.Load(reader);
        }

        using (RSA key = certificate.GetRSAPrivateKey())
        {
            var signed = new WsuSignedXml(document) { SigningKey = key };
            // Old versions of .NET Framework take SHA-1 for this and for DigestMethod unless told otherwise.
            signed.SignedInfo.CanonicalizationMethod = SignedXml.XmlDsigExcC14NTransformUrl;
            signed.SignedInfo.SignatureMethod = RsaSha256;
            foreach (string id in new[] { "body", "timestamp", "token" })
            {
                var reference = new Reference("#" + id) { DigestMethod = Sha256 };
                reference.AddTransform(new XmlDsigExcC14NTransform());
                signed.AddReference(reference);
            }
            signed.KeyInfo.AddClause(new KeyInfoNode(PointerToToken(document)));
            signed.ComputeSignature();

            XmlNode security = document.GetElementsByTagName("Security", Wsse.NamespaceName)[0];
            security.AppendChild(document.ImportNode(signed.GetXml(), true));
        }
        return document.OuterXml;
    }

    static XmlElement PointerToToken(XmlDocument document)
    {
        XmlElement reference = document.CreateElement("wsse", "Reference", Wsse.NamespaceName);
        reference.SetAttribute("URI", "#token");
        reference.SetAttribute("ValueType", X509v3);
        XmlElement pointer = document.CreateElement("wsse", "SecurityTokenReference", Wsse.NamespaceName);
        pointer.AppendChild(reference);
        return pointer;
    }

    /// <summary>The first element in the Body of a message, or null when it is none.</summary>
    XElement Body(byte[] reply)
    {
        try
        {
            using (var stream = new MemoryStream(reply))
            {
                return XElement.Load(stream).Element(soap + "Body")?.Elements().FirstOrDefault();
            }
        }
        catch (XmlException)
        {
            return null;
        }
    }

    /// <summary>Tells whether the server has the right name and a certificate from one of our authorities.</summary>
    bool Trusts(X509Certificate2 server, X509Chain chain, SslPolicyErrors errors)
    {
#if NET
        // A private authority is unknown to the system: that error is expected. The chain is built anew from our own.
        if ((errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != SslPolicyErrors.None)
        {
            return false;
        }
        using (var ours = new X509Chain())
        {
            ours.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            ours.ChainPolicy.CustomTrustStore.AddRange(authorities);
            ours.ChainPolicy.ExtraStore.AddRange(chain.ChainPolicy.ExtraStore);
            ours.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck; // set Online where the authority publishes a list
            return ours.Build(server);
        }
#else
        // .NET Framework and Mono know no trust but that of their own store: the authority must be in it. This makes sure
        // that it is our authority, and not another that happens to be there too.
        return errors == SslPolicyErrors.None && chain.ChainElements.Cast<X509ChainElement>().Any(element =>
            authorities.Cast<X509Certificate2>().Any(ours => ours.RawData.SequenceEqual(element.Certificate.RawData)));
#endif
    }

    static string Instant(DateTime at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>SignedXml looks for attributes named Id. WS-Security's are wsu:Id, and it finds none without this.</summary>
    sealed class WsuSignedXml : SignedXml
    {
        public WsuSignedXml(XmlDocument document) : base(document) { }

        public override XmlElement GetIdElement(XmlDocument document, string id)
        {
            foreach (XmlElement element in document.GetElementsByTagName("*"))
            {
                if (element.GetAttribute("Id", Wsu.NamespaceName) == id)
                {
                    return element;
                }
            }
            return null;
        }
    }
}

/// <summary>The register refused. Message is what the fault says; the rest is for programs.</summary>
public sealed class RefusedException : Exception
{
    static readonly XNamespace Core = "urn:be:fgov:ehealth:ctr:core:v1";

    /// <summary>A code of the register, as RULES_VIOLATED; of the platform (SOA-…) when the message itself is wrong.</summary>
    public string Code { get; }

    /// <summary>Everything that was wrong: its code, and its place in the message.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Violations { get; }

    internal RefusedException(XElement fault) : base(Words(fault))
    {
        Code = Error(fault)?.Element("Code")?.Value ?? "";
        Violations = fault.Descendants(Core + "Violation")
            .Select(v => new KeyValuePair<string, string>((string)v.Attribute("Code"), (string)v.Attribute("Path")))
            .ToList();
    }

    static XElement Error(XElement fault) =>
        fault.Descendants().FirstOrDefault(e => e.Name.LocalName == "BusinessError" || e.Name.LocalName == "SystemError");

    // The words come in Dutch, French, German and English.
    static string Words(XElement fault) =>
        Error(fault)?.Elements("Message").FirstOrDefault(m => (string)m.Attribute(XNamespace.Xml + "lang") == "en")?.Value
        ?? fault.Value;
}
