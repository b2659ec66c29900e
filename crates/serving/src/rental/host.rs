//! Rented replicas as deployments of this platform.

use async_trait::async_trait;
use tenfold_fleet::FleetError;
use tenfold_kernel::ProjectId;

use super::RentalHost;
use crate::{OfferModel, Offering, ServingError};

#[async_trait]
impl RentalHost for Offering {
    async fn start(&self, model: &str, name: &str, project: &ProjectId) -> Result<(), ServingError> {
        let offer = OfferModel {
            model: model.to_owned(),
            name: Some(name.to_owned()),
            project: Some(project.clone()),
            is_rented: true,
            ..OfferModel::default()
        };
        self.offer_model(offer).await.map(|_| ())
    }

    async fn stop(&self, name: &str) -> Result<(), ServingError> {
        match self.withdraw(name).await {
            Err(ServingError::Fleet(FleetError::UnknownDeployment { .. })) => Ok(()),
            done => done,
        }
    }

    fn is_up(&self, name: &str) -> Option<bool> {
        Self::is_up(self, name)
    }
}
