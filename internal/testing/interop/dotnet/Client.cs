using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net.Http;
using System.Runtime.InteropServices;
using System.Runtime.Serialization;
using System.Runtime.Serialization.Json;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using System.Threading.Tasks;
using System.Xml.Linq;

/// <summary>
/// A complete client of the register: an implantation, its search, its implant card, the explantation, and a refusal.
/// What to copy into a package of yours: SignedSoapClient.cs, and from here Request and the way to write requests and to
/// read replies with XElement, which escapes what must be escaped.
/// </summary>
static class Client
{
    static readonly XNamespace Ctrp = "urn:be:fgov:ehealth:ctr:protocol:v1";
    static readonly XNamespace Ctr = "urn:be:fgov:ehealth:ctr:core:v1";
    static readonly XNamespace Cc = "urn:be:fgov:ehealth:commons:core:v2";

    const string Surgeon = "78031412250";
    const string Patient = "48022907379";

    static int Main(string[] arguments)
    {
        try
        {
            Dictionary<string, string> options = Options(arguments);
            Result result = RunAsync(options).GetAwaiter().GetResult();
            using (Stream output = Console.OpenStandardOutput())
            {
                new DataContractJsonSerializer(typeof(Result)).WriteObject(output, result);
            }
            Console.Out.WriteLine();
            return 0;
        }
        catch (RefusedException refusal)
        {
            Console.Error.WriteLine(string.Join(", ", refusal.Violations.Select(v => v.Key)) + ": " + refusal.Message);
            return 1;
        }
        catch (Exception error)
        {
            Console.Error.WriteLine(error.GetBaseException().Message);
            return 1;
        }
    }

    static async Task<Result> RunAsync(Dictionary<string, string> options)
    {
        string password = File.ReadAllText(options["password-file"]).TrimEnd('\r', '\n');
        bool soap12 = options.TryGetValue("soap", out string soap) && soap == "1.2";
        // Without EphemeralKeySet, Windows writes the key into the user's profile. macOS does not know the flag.
        using (var certificate = new X509Certificate2(options["p12"], password, X509KeyStorageFlags.EphemeralKeySet))
        using (RSA key = certificate.GetRSAPrivateKey())
        {
            Expect(key != null, "the certificate has an RSA key");
            using (var register = new SignedSoapClient(new Uri(options["url"]), Authorities(options["ca"]), certificate, soap12))
            {
                Result result = await WalkAsync(register, options["card"]);
                result.Toolkit = RuntimeInformation.FrameworkDescription + " SignedXml";
                result.Soap = soap12 ? "1.2" : "1.1";
                result.Key = "RSA";
                return result;
            }
        }
    }

    /// <summary>The main job, once. Returns what a caller would want to keep.</summary>
    static async Task<Result> WalkAsync(SignedSoapClient register, string card)
    {
        string serial = "N-" + Random(6).ToUpperInvariant();
        // Your own key for this submission. Sent again with the same content, it gives the same receipt and stores nothing.
        string reference = "NET-" + Random(8);

        XElement notified = await register.CallAsync(Request("NotifyImplant",
            new XElement(Ctrp + "InputReference", reference),
            new XElement(Ctrp + "Save", "Final"),
            Implantation(serial)));
        string number = notified.Descendants(Ctr + "NotificationNumber").First().Value;
        XElement implant = notified.Element(Ctrp + "Implant");
        Expect((string)implant.Element(Ctr + "SerialNumber") == serial, "the serial number comes from the UDI");
        Expect((string)implant.Element(Ctr + "LotNumber") == "L2201", "the lot number comes from the UDI");
        Expect((string)implant.Element(Ctr + "ExpiryDate") == "2029-12-31", "the expiry date comes from the UDI");
        Expect(!notified.Elements(Ctrp + "Warning").Any(), "no warning");

        XElement search = Request("Search",
            new XElement(Ctrp + "Criteria",
                new XElement(Ctrp + "ByNotification",
                    new XElement(Ctrp + "NotificationNumber", number))));
        search.SetAttributeValue("Offset", 0);
        search.SetAttributeValue("MaxElements", 20);
        XElement found = await register.CallAsync(search);
        Expect((int)found.Element(Ctrp + "Total") == 1, "the search finds the notification");

        XElement reply = await register.CallAsync(Request("GetImplantCard",
            new XElement(Ctrp + "Of",
                new XElement(Ctrp + "NotificationNumber", number))));
        XElement file = reply.Element(Ctrp + "Card");
        byte[] pdf = Convert.FromBase64String(file.Element(Ctr + "Content").Value);
        using (SHA256 sha256 = SHA256.Create())
        {
            string digest = Convert.ToBase64String(sha256.ComputeHash(pdf));
            Expect(digest == file.Element(Ctr + "Digest").Value, "the digest of the card is that of its content");
        }
        File.WriteAllBytes(card, pdf);

        XElement removed = await register.CallAsync(Request("NotifyExplant",
            new XElement(Ctrp + "InputReference", reference + "-x"),
            new XElement(Ctrp + "Explantation",
                new XElement(Ctr + "Specialist", new XElement(Ctr + "SSIN", Surgeon)),
                new XElement(Ctr + "OperationDate", DaysAgo(1)),
                new XElement(Ctr + "Patient", Patient),
                new XElement(Ctr + "Explant",
                    new XElement(Ctr + "ImplantId", implant.Element(Ctr + "ImplantId").Value),
                    new XElement(Ctr + "Quantity", 1),
                    new XElement(Ctr + "Reason", "loosening")))));
        Expect((int)removed.Element(Ctrp + "Implant").Element(Ctr + "Remaining") == 0, "nothing remains of the implant");

        XElement wrong = Implantation(serial);
        wrong.Element(Ctr + "PrescriptionDate").Value = DaysAgo(0);
        wrong.Element(Ctr + "Implant").Element(Ctr + "UDI").AddAfterSelf(new XElement(Ctr + "LotNumber", "L9999"));
        Refusal refused = null;
        try
        {
            await register.CallAsync(Request("NotifyImplant", new XElement(Ctrp + "InputReference", reference + "-w"), wrong));
        }
        catch (RefusedException refusal)
        {
            refused = new Refusal
            {
                Code = refusal.Code,
                Message = refusal.Message,
                Violations = refusal.Violations.Select(v => new Violation { Code = v.Key, Path = v.Value }).ToArray(),
            };
        }
        Expect(refused != null && refused.Violations.Length == 2, "a notification with two mistakes is refused, and both are told");

        return new Result
        {
            Number = number,
            Device = implant.Element(Ctr + "Device").Element(Ctr + "Name").Value,
            Found = 1,
            Card = card,
            Explanted = removed.Descendants(Ctr + "NotificationNumber").First().Value,
            Refused = refused,
        };
    }

    /// <summary>A request: its id, its instant, who acts inside the organisation whose certificate signs, and the content.</summary>
    static XElement Request(string operation, params object[] content)
    {
        return new XElement(Ctrp + (operation + "Request"),
            new XAttribute(XNamespace.Xmlns + "ctrp", Ctrp.NamespaceName),
            new XAttribute(XNamespace.Xmlns + "ctr", Ctr.NamespaceName),
            new XAttribute(XNamespace.Xmlns + "cc", Cc.NamespaceName),
            new XAttribute("Id", "_" + Random(8)),
            new XAttribute("IssueInstant", DateTime.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)),
            new XElement(Ctrp + "Author",
                new XElement(Cc + "HcParty",
                    new XElement(Cc + "Id", new XAttribute("Type", "urn:be:fgov:person:ssin"), Surgeon),
                    new XElement(Cc + "FirstName", "Anna"),
                    new XElement(Cc + "Name", "Claes"))),
            content);
    }

    /// <summary>The implantation of a component of a knee, two days ago.</summary>
    static XElement Implantation(string serial)
    {
        return new XElement(Ctrp + "Implantation",
            new XElement(Ctr + "Specialist", new XElement(Ctr + "SSIN", Surgeon)),
            new XElement(Ctr + "OperationDate", DaysAgo(2)),
            new XElement(Ctr + "Patient", Patient),
            new XElement(Ctr + "Prescriber", new XElement(Ctr + "NIHII", "17800389480")),
            new XElement(Ctr + "PrescriptionDate", DaysAgo(19)),
            new XElement(Ctr + "Comment", "revision of the left knee"),
            new XElement(Ctr + "Implant",
                new XElement(Ctr + "NotificationCode", "000071200176"),
                new XElement(Ctr + "UDI", "(01)05410000001047(17)291231(10)L2201(21)" + serial),
                new XElement(Ctr + "Quantity", 1),
                new XElement(Ctr + "Location", "left knee"),
                new XElement(Ctr + "Side", "Left")));
    }

    static string DaysAgo(int days) => DateTime.Today.AddDays(-days).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    static string Random(int bytes)
    {
        var random = new byte[bytes];
        using (RandomNumberGenerator generator = RandomNumberGenerator.Create())
        {
            generator.GetBytes(random);
        }
        return BitConverter.ToString(random).Replace("-", "").ToLowerInvariant();
    }

    /// <summary>All certificates of a PEM file. .NET 5 and later have X509Certificate2Collection.ImportFromPemFile for it.</summary>
    static X509Certificate2Collection Authorities(string file)
    {
        var authorities = new X509Certificate2Collection();
        foreach (Match pem in Regex.Matches(File.ReadAllText(file), "-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----"))
        {
            authorities.Add(new X509Certificate2(Convert.FromBase64String(pem.Groups[1].Value)));
        }
        return authorities;
    }

    static void Expect(bool condition, string what)
    {
        if (!condition)
        {
            throw new InvalidOperationException("not as expected: " + what);
        }
    }

    static Dictionary<string, string> Options(string[] arguments)
    {
        var options = new Dictionary<string, string>();
        for (int i = 0; i < arguments.Length; i += 2)
        {
            if (!arguments[i].StartsWith("--", StringComparison.Ordinal) || i + 1 == arguments.Length)
            {
                throw new ArgumentException("each switch has a name with -- and a value; " + arguments[i] + " has not");
            }
            options[arguments[i].Substring(2)] = arguments[i + 1];
        }
        foreach (string name in new[] { "url", "ca", "p12", "password-file", "card" })
        {
            if (!options.ContainsKey(name))
            {
                throw new ArgumentException("--" + name + " is missing");
            }
        }
        return options;
    }
}

/// <summary>What the client prints, as JSON.</summary>
[DataContract]
sealed class Result
{
    [DataMember(Name = "toolkit", Order = 0)] public string Toolkit { get; set; }
    [DataMember(Name = "soap", Order = 1)] public string Soap { get; set; }
    [DataMember(Name = "key", Order = 2)] public string Key { get; set; }
    [DataMember(Name = "mtom", Order = 3)] public bool Mtom { get; set; }
    [DataMember(Name = "number", Order = 4)] public string Number { get; set; }
    [DataMember(Name = "device", Order = 5)] public string Device { get; set; }
    [DataMember(Name = "found", Order = 6)] public int Found { get; set; }
    [DataMember(Name = "card", Order = 7)] public string Card { get; set; }
    [DataMember(Name = "explanted", Order = 8)] public string Explanted { get; set; }
    [DataMember(Name = "refused", Order = 9)] public Refusal Refused { get; set; }
}

[DataContract]
sealed class Refusal
{
    [DataMember(Name = "code", Order = 0)] public string Code { get; set; }
    [DataMember(Name = "message", Order = 1)] public string Message { get; set; }
    [DataMember(Name = "violations", Order = 2)] public Violation[] Violations { get; set; }
}

[DataContract]
sealed class Violation
{
    [DataMember(Name = "code", Order = 0)] public string Code { get; set; }
    [DataMember(Name = "path", Order = 1)] public string Path { get; set; }
}
