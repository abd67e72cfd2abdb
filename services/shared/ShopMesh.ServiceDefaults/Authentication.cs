using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace ShopMesh;

/// <summary>The names of the policies; an endpoint that names none is refused.</summary>
public static class Policies
{
    /// <summary>A person who is signed in: audience <c>shop</c>.</summary>
    public const string Customer = "customer";

    /// <summary>A person with the role <c>admin</c>.</summary>
    public const string Admin = "admin";

    /// <summary>A service: audience <c>mesh</c>, and this service's name among the token's scopes.</summary>
    public const string Mesh = "mesh";

    /// <summary>Either a person or a service: what is done inside the mesh on behalf of people.</summary>
    public const string CustomerOrMesh = "customer-or-mesh";
}

public static class Audiences
{
    public const string Shop = "shop";
    public const string Mesh = "mesh";
}

public static class Authentication
{
    /// <summary>The customer's id: from the token, and from nowhere else.</summary>
    public static string CustomerId(this ClaimsPrincipal user) =>
        user.FindFirstValue("sub") ?? throw new InvalidOperationException("The endpoint lets in callers without a subject.");

    public static bool IsMeshCall(this ClaimsPrincipal user, string scope) =>
        user.HasClaim("aud", Audiences.Mesh) && user.FindAll("scope").Any(claim => claim.Value.Split(' ').Contains(scope));

    internal static void AddMeshAuthentication(this WebApplicationBuilder builder, string service)
    {
        var identity = builder.Configuration.GetRequiredSection("Identity");
        builder.Services.AddSingleton<RememberedTokens>();
        builder.Services.AddAuthentication(JwtBearerDefaults.AuthenticationScheme).AddJwtBearer(options =>
        {
            options.MapInboundClaims = false;
            options.TokenValidationParameters = new()
            {
                ValidIssuer = identity["Issuer"],
                ValidAudiences = [Audiences.Shop, Audiences.Mesh],
                ValidTypes = ["at+jwt"],
                ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
                ClockSkew = TimeSpan.FromSeconds(5),
                NameClaimType = "sub",
                RoleClaimType = "role",
            };
            // From an address inside the mesh, not from what discovery says. The last good set is kept, so that identity may be away.
            options.ConfigurationManager = new ConfigurationManager<OpenIdConnectConfiguration>(
                $"{identity["Address"]!.TrimEnd('/')}/.well-known/jwks", new KeySetRetriever(), new HttpDocumentRetriever { RequireHttps = false })
            {
                AutomaticRefreshInterval = TimeSpan.FromMinutes(5),
                RefreshInterval = TimeSpan.FromSeconds(10),
            };
            options.Events = new()
            {
                OnMessageReceived = context => Tokens(context.HttpContext).RecallAsync(context),
                OnTokenValidated = context => Tokens(context.HttpContext).RememberAsync(context),
                OnAuthenticationFailed = TellKeysFromTokens,
                OnChallenge = AnswerWithoutKeys,
            };
        });

        builder.Services.AddAuthorizationBuilder()
            .AddPolicy(Policies.Customer, policy => policy.RequireAuthenticatedUser().RequireClaim("aud", Audiences.Shop).RequireClaim("sub"))
            .AddPolicy(Policies.Admin, policy => policy.RequireAuthenticatedUser().RequireClaim("aud", Audiences.Shop).RequireRole("admin"))
            .AddPolicy(Policies.Mesh, policy => policy.RequireAuthenticatedUser().RequireAssertion(context => context.User.IsMeshCall(service)))
            .AddPolicy(Policies.CustomerOrMesh, policy => policy.RequireAuthenticatedUser().RequireClaim("sub").RequireAssertion(context => context.User.HasClaim("aud", Audiences.Shop) || context.User.IsMeshCall(service)))
            // What no policy allows is refused. No endpoint at all, or one for a wrong method, is a 404 or a 405 as ever.
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAssertion(context => context.Resource is HttpContext http && http.GetEndpoint() is not RouteEndpoint).Build());
    }

    private static RememberedTokens Tokens(HttpContext http) => http.RequestServices.GetRequiredService<RememberedTokens>();

    /// <summary>Without keys no token can be judged: that is not the caller's fault, nor a bug.</summary>
    private static async Task TellKeysFromTokens(AuthenticationFailedContext context)
    {
        try
        {
            await context.Options.ConfigurationManager!.GetConfigurationAsync(context.HttpContext.RequestAborted);
        }
        catch (InvalidOperationException)
        {
            context.HttpContext.Items[typeof(KeySetRetriever)] = true;
            context.NoResult();
        }
    }

    private static async Task AnswerWithoutKeys(JwtBearerChallengeContext context)
    {
        if (!context.HttpContext.Items.ContainsKey(typeof(KeySetRetriever)))
            return;
        context.HandleResponse();
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        await context.HttpContext.RequestServices.GetRequiredService<IProblemDetailsService>().TryWriteAsync(new()
        {
            HttpContext = context.HttpContext,
            ProblemDetails = new ProblemDetails { Status = StatusCodes.Status503ServiceUnavailable, Detail = "Tokens cannot be checked: identity is away." },
        });
    }
}

/// <summary>Reads a JSON Web Key Set (RFC 7517, 5).</summary>
internal sealed class KeySetRetriever : IConfigurationRetriever<OpenIdConnectConfiguration>
{
    public async Task<OpenIdConnectConfiguration> GetConfigurationAsync(string address, IDocumentRetriever retriever, CancellationToken cancel)
    {
        var configuration = new OpenIdConnectConfiguration { JsonWebKeySet = new(await retriever.GetDocumentAsync(address, cancel)) };
        foreach (var key in configuration.JsonWebKeySet.GetSigningKeys())
            configuration.SigningKeys.Add(key);
        return configuration;
    }
}
