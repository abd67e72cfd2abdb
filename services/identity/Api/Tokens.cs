using System.ComponentModel;
using System.Security.Claims;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc;
using OpenIddict.Abstractions;
using OpenIddict.Server.AspNetCore;
using ShopMesh.Identity.Data;
using static OpenIddict.Abstractions.OpenIddictConstants;

namespace ShopMesh.Identity.Api;

/// <summary>
/// The token endpoint (RFC 6749, 3.2). OpenIddict has checked the client, the grant and the scopes when a request comes here;
/// what is left is whom the token is about.
/// </summary>
internal static class Tokens
{
    private const string Scheme = OpenIddictServerAspNetCoreDefaults.AuthenticationScheme;

    /// <summary>Costs what a real one does, so that the time of an answer does not tell whether an address has an account.</summary>
    private static readonly Account Nobody = new() { Name = "" };
    private static readonly Lazy<string> NobodysPassword = new(() => new PasswordHasher<Account>().HashPassword(Nobody, Guid.NewGuid().ToString()));

    public static void MapTokens(this WebApplication app) => app.MapPost("/connect/token", Exchange)
        .AllowAnonymous()
        .DisableAntiforgery()
        .WithTags("Sign-in")
        .WithSummary("Signs in: OAuth 2 token endpoint, for the grants password and refresh_token")
        .Accepts<TokenForm>("application/x-www-form-urlencoded")
        .Produces<TokenAnswer>()
        .Produces<TokenError>(StatusCodes.Status400BadRequest)
        .Produces<TokenError>(StatusCodes.Status401Unauthorized);

    private static async Task<IResult> Exchange(HttpContext http, UserManager<Account> accounts, IPasswordHasher<Account> hasher)
    {
        var request = http.GetOpenIddictServerRequest() ?? throw new InvalidOperationException("OpenIddict has not seen the request.");
        if (request.IsClientCredentialsGrantType())
            return SignIn(Service(request));

        var account = request.IsPasswordGrantType()
            ? await CheckPasswordAsync(request.Username!, request.Password!, accounts, hasher)
            : await ReadRefreshTokenAsync(http, accounts);
        return account is not null ? SignIn(await PersonAsync(account, request, accounts)) : Refuse();
    }

    /// <summary>An unknown address, a wrong password and a locked account are all the same to who asks.</summary>
    private static async Task<Account?> CheckPasswordAsync(string email, string password, UserManager<Account> accounts, IPasswordHasher<Account> hasher)
    {
        if (await accounts.FindByNameAsync(email) is not { } account)
        {
            hasher.VerifyHashedPassword(Nobody, NobodysPassword.Value, password);
            return null;
        }

        var isRight = await accounts.CheckPasswordAsync(account, password);
        if (await accounts.IsLockedOutAsync(account))
            return null;
        if (isRight)
            await accounts.ResetAccessFailedCountAsync(account);
        else
            await accounts.AccessFailedAsync(account);
        return isRight ? account : null;
    }

    private static async Task<Account?> ReadRefreshTokenAsync(HttpContext http, UserManager<Account> accounts)
    {
        var token = await http.AuthenticateAsync(Scheme);
        return token.Principal?.GetClaim(Claims.Subject) is { } subject && await accounts.FindByIdAsync(subject) is { } account && !await accounts.IsLockedOutAsync(account)
            ? account
            : null;
    }

    private static async Task<ClaimsPrincipal> PersonAsync(Account account, OpenIddictRequest request, UserManager<Account> accounts)
    {
        var identity = NewIdentity(account.Id.ToString());
        identity.SetClaims(Claims.Role, [.. await accounts.GetRolesAsync(account)]);
        return Finish(identity, request.IsRefreshTokenGrantType() ? [Scopes.OfflineAccess] : request.GetScopes(), Audiences.Shop);
    }

    private static ClaimsPrincipal Service(OpenIddictRequest request) => Finish(NewIdentity(request.ClientId!), request.GetScopes(), Audiences.Mesh);

    private static ClaimsIdentity NewIdentity(string subject)
    {
        var identity = new ClaimsIdentity(Scheme, Claims.Subject, Claims.Role);
        identity.SetClaim(Claims.Subject, subject);
        return identity;
    }

    private static ClaimsPrincipal Finish(ClaimsIdentity identity, IEnumerable<string> scopes, string audience)
    {
        identity.SetScopes(scopes);
        identity.SetResources(audience);
        identity.SetDestinations(_ => [Destinations.AccessToken]);
        return new(identity);
    }

    private static IResult SignIn(ClaimsPrincipal principal) => Results.SignIn(principal, authenticationScheme: Scheme);

    private static IResult Refuse() => Results.Forbid(
        new AuthenticationProperties(new Dictionary<string, string?>
        {
            [OpenIddictServerAspNetCoreConstants.Properties.Error] = Errors.InvalidGrant,
            [OpenIddictServerAspNetCoreConstants.Properties.ErrorDescription] = "The address or the password is wrong, or there were too many failures lately.",
        }),
        [Scheme]);
}

/// <summary>What OpenIddict reads: here for the document alone.</summary>
internal sealed record TokenForm(
    [property: JsonPropertyName("grant_type"), Description("`password` or `refresh_token`.")] string GrantType,
    [property: JsonPropertyName("client_id"), Description("`shopmesh`.")] string ClientId,
    [property: JsonPropertyName("username"), Description("The account's email address.")] string? Username,
    [property: JsonPropertyName("password")] string? Password,
    [property: JsonPropertyName("refresh_token")] string? RefreshToken,
    [property: JsonPropertyName("scope"), Description("`offline_access` for a refresh token as well.")] string? Scope);

internal sealed record TokenAnswer(
    [property: JsonPropertyName("access_token"), Description("A signed JWT with `sub` and `role`.")] string AccessToken,
    [property: JsonPropertyName("token_type")] string TokenType,
    [property: JsonPropertyName("expires_in"), Description("In seconds.")] int ExpiresIn,
    [property: JsonPropertyName("refresh_token")] string? RefreshToken);

/// <summary>RFC 6749, 5.2.</summary>
internal sealed record TokenError([property: JsonPropertyName("error")] string Error, [property: JsonPropertyName("error_description")] string? ErrorDescription);

/// <summary>A form that cannot be read, such as one with a NUL in it, is the client's fault.</summary>
internal sealed class UnreadableForm : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (exception is not InvalidDataException)
            return false;
        await TypedResults.BadRequest(new TokenError(Errors.InvalidRequest, "The form cannot be read.")).ExecuteAsync(httpContext);
        return true;
    }
}
