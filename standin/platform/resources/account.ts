import type {Context} from '../context.ts'
import {notFound} from '../http/errors.ts'
import type {Route} from '../http/route.ts'
import {ok} from '../http/route.ts'

/** The token's owner. Schema: account, rate-limit. */
export function accountRoutes({store, rateLimit}: Context): Route[] {
  const info = () => {
    const {id, email, createdAt} = store.state.account
    return ok({
      id, email, name: null, created_at: createdAt, updated_at: createdAt, last_login: createdAt,
      allow_tracking: false, beta: false, federated: false, identity_provider: null, sms_number: null,
      suspended_at: null, delinquent_at: null, two_factor_authentication: false, verified: true,
      country_of_residence: null, eco_dynos_enabled: true, eco_dynos_shutdown_at: null, pipeline_cost_consent_at: null,
      acknowledged_msa: false, acknowledged_msa_at: null, italian_customer_terms: null, italian_partner_terms: null,
      mfa_enabled: true, mfa_exemption: false, mfa_exemption_reason: null, mfa_experience: 'vaas',
      default_organization: null, default_team: null,
    })
  }

  return [
    {method: 'GET', pattern: '/account', handle: info},
    {method: 'GET', pattern: '/account/rate-limits', handle: () => ok({remaining: rateLimit.remaining})},
    {
      method: 'GET', pattern: '/users/{user}',
      handle({params: {user = ''}}) {
        const {id, email} = store.state.account
        if (!['~', id, email].includes(user)) throw notFound('account')
        return info()
      },
    },
    {
      // `heroku ps` asks for it on eco apps; variant 3.account-quotas, not in the schema.
      method: 'GET', pattern: '/accounts/{account}/actions/get-quota',
      handle({params}) {
        if (params['account'] !== store.state.account.id) throw notFound('account')
        const apps = store.state.apps.filter(app => app.settings.tier === 'eco').map(app => ({app_uuid: app.id, quota_used: 0}))
        return ok({account_quota: 3_600_000, quota_used: 0, apps})
      },
    },
  ]
}
