//! TLS, with a certificate and a key from files.

use std::sync::Arc;

use anyhow::Context;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::Tls;

/// What accepts TLS connections, if the configuration wants any.
///
/// # Errors
///
/// If a file cannot be read, has nothing of its kind in it, or the key is not the certificate's.
pub(crate) fn acceptor(tls: &Tls) -> anyhow::Result<Option<TlsAcceptor>> {
    let (Some(cert), Some(key)) = (&tls.cert, &tls.key) else { return Ok(None) };
    let chain: Vec<_> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .with_context(|| format!("tls.cert: {cert} cannot be read as PEM"))?;
    anyhow::ensure!(!chain.is_empty(), "tls.cert: {cert} has no certificate in it");
    let private =
        PrivateKeyDer::from_pem_file(key).with_context(|| format!("tls.key: {key} cannot be read as PEM"))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("tls: {cert} and {key} do not fit"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}
