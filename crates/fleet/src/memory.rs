//! Deployments in memory, for tests.

use async_trait::async_trait;
use parking_lot::Mutex;
use tenfold_kernel::{BoxError, DeploymentId};

use crate::deployment::{Deployment, Target};
use crate::ports::DeploymentStore;

/// Keeps deployments in memory.
#[derive(Debug, Default)]
pub struct MemoryDeploymentStore {
    deployments: Mutex<Vec<Deployment>>,
}

#[async_trait]
impl DeploymentStore for MemoryDeploymentStore {
    async fn list_deployments(&self) -> Result<Vec<Deployment>, BoxError> {
        let mut all = self.deployments.lock().clone();
        all.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        Ok(all)
    }

    async fn insert_deployment(&self, deployment: &Deployment) -> Result<bool, BoxError> {
        let mut all = self.deployments.lock();
        let is_new = all.iter().all(|d| d.name != deployment.name && d.id != deployment.id);
        if is_new {
            all.push(deployment.clone());
        }
        Ok(is_new)
    }

    async fn update_target(&self, id: &DeploymentId, target: &Target) -> Result<bool, BoxError> {
        let mut all = self.deployments.lock();
        let kept = all.iter_mut().find(|deployment| deployment.id == *id);
        Ok(kept.map(|kept| kept.target = target.clone()).is_some())
    }

    async fn delete_deployment(&self, id: &DeploymentId) -> Result<bool, BoxError> {
        let mut all = self.deployments.lock();
        let before = all.len();
        all.retain(|d| d.id != *id);
        Ok(all.len() < before)
    }
}
