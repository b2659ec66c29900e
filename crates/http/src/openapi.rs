//! The API description, generated from the routes and the wire types.

use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, SecurityRequirement};

/// The whole API description.
pub fn document(version: &str) -> OpenApi {
    let (_, description) = crate::api_routes().split_for_parts();
    complete(description, version)
}

/// Adds to the routes' description what no route says: the title, and how to authenticate.
pub(crate) fn complete(mut description: OpenApi, version: &str) -> OpenApi {
    description.info = InfoBuilder::new()
        .title("Tenfold")
        .version(version)
        .description(Some(
            "Models as a service: the OpenAI and Anthropic APIs over your own models and upstreams, metered and priced.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let components = description.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    let mut components = components;
    components.security_schemes.insert(
        "api_key".to_owned(),
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()).into(),
    );
    description.components = Some(components);
    description.security = Some(vec![SecurityRequirement::new("api_key", Vec::<String>::new())]);
    description
}
