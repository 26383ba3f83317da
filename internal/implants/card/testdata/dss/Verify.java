import eu.europa.esig.dss.model.FileDocument;
import eu.europa.esig.dss.simplereport.SimpleReport;
import eu.europa.esig.dss.spi.DSSUtils;
import eu.europa.esig.dss.spi.validation.CommonCertificateVerifier;
import eu.europa.esig.dss.spi.x509.CommonTrustedCertificateSource;
import eu.europa.esig.dss.spi.x509.revocation.crl.ExternalResourcesCRLSource;
import eu.europa.esig.dss.validation.SignedDocumentValidator;
import java.io.File;
import java.io.FileInputStream;

/**
 * Verifies files: CA CRL FILE... It prints one line for each signature: the format, the indication, the file, and what is
 * wrong on lines of its own.
 */
public class Verify {
  public static void main(String[] arguments) throws Exception {
    CommonTrustedCertificateSource trusted = new CommonTrustedCertificateSource();
    trusted.addCertificate(DSSUtils.loadCertificate(new File(arguments[0])));
    for (int i = 2; i < arguments.length; i++) {
      SignedDocumentValidator validator =
          SignedDocumentValidator.fromDocument(new FileDocument(arguments[i]));
      CommonCertificateVerifier verifier = new CommonCertificateVerifier();
      verifier.setTrustedCertSources(trusted);
      verifier.setCrlSource(new ExternalResourcesCRLSource(new FileInputStream(arguments[1])));
      validator.setCertificateVerifier(verifier);
      SimpleReport report = validator.validateDocument().getSimpleReport();
      for (String id : report.getSignatureIdList()) {
        System.out.println(
            report.getSignatureFormat(id) + " " + report.getIndication(id) + "/" + report.getSubIndication(id) + " "
                + arguments[i]);
        report.getAdESValidationErrors(id).forEach(m -> System.out.println("  error: " + m.getValue()));
        report.getAdESValidationWarnings(id).forEach(m -> System.out.println("  warning: " + m.getValue()));
      }
    }
  }
}
