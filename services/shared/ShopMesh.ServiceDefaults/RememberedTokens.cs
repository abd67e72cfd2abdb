using System.Security.Claims;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Caching.Memory;

namespace ShopMesh;

/// <summary>
/// Tokens that were found to be good a moment ago: checking a signature takes more than most requests take otherwise. Never for longer
/// than the token lives, nor than a minute: so much longer, at most, a key that was withdrawn is trusted.
/// </summary>
internal sealed class RememberedTokens(TimeProvider time) : IDisposable
{
    private const int Most = 10_000;
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private readonly MemoryCache _known = new(new MemoryCacheOptions { SizeLimit = Most });

    public Task RecallAsync(MessageReceivedContext context)
    {
        if (HeaderOf(context.HttpContext) is { } header && _known.TryGetValue<ClaimsPrincipal>(header, out var principal))
        {
            context.Principal = principal;
            context.Success();
        }

        return Task.CompletedTask;
    }

    public Task RememberAsync(TokenValidatedContext context)
    {
        var (now, skew) = (time.GetUtcNow(), context.Options.TokenValidationParameters.ClockSkew);
        var until = now + Longest;
        if (context.SecurityToken.ValidTo + skew < until)
            until = context.SecurityToken.ValidTo + skew;
        if (until > now && HeaderOf(context.HttpContext) is { } header)
            _known.Set(header, context.Principal!, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = until - now });
        return Task.CompletedTask;
    }

    public void Dispose() => _known.Dispose();

    private static string? HeaderOf(HttpContext http) => http.Request.Headers.Authorization is [{ } header] ? header : null;
}
