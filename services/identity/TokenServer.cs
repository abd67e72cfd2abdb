using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Abstractions;
using OpenIddict.Server;
using ShopMesh.Identity.Api;
using ShopMesh.Identity.Data;
using ShopMesh.Identity.Keys;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace ShopMesh.Identity;

/// <summary>The OAuth 2 token server (RFC 6749), on OpenIddict.</summary>
internal static class TokenServer
{
    public static void AddTokenServer(this WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration.GetRequiredSection("Identity");
        builder.Services.Configure<KeyOptions>(configuration.GetSection("Keys"));
        builder.Services.AddSingleton<KeyProtection>();
        builder.Services.AddSingleton<KeyRing>();
        builder.Services.AddSingleton<IConfigureOptions<OpenIddictServerOptions>>(services => services.GetRequiredService<KeyRing>());
        builder.Services.AddSingleton<IOptionsChangeTokenSource<OpenIddictServerOptions>>(services => services.GetRequiredService<KeyRing>());
        builder.Services.AddHostedService(services => services.GetRequiredService<KeyRing>());
        builder.Services.AddHostedService<Pruning>();
        builder.Services.AddExceptionHandler<UnreadableForm>();
        builder.Services.AddOptions<OpenIddictServerOptions>().Configure<KeyProtection>((options, protection) => options.EncryptionCredentials.Add(
            new(new SymmetricSecurityKey(protection.RefreshTokenKey), SecurityAlgorithms.Aes256KW, SecurityAlgorithms.Aes256CbcHmacSha512)));

        builder.Services.AddOpenIddict()
            .AddCore(core => core.UseEntityFrameworkCore().UseDbContext<IdentityContext>().ReplaceDefaultEntities<Guid>())
            .AddServer(server =>
            {
                // Fixed, whatever host was asked: services compare it.
                server.SetIssuer(configuration["Issuer"]!);
                server.SetTokenEndpointUris("connect/token");
                server.SetConfigurationEndpointUris(".well-known/openid-configuration");
                server.SetJsonWebKeySetEndpointUris(".well-known/jwks");
                server.AllowPasswordFlow().AllowRefreshTokenFlow().AllowClientCredentialsFlow();
                server.RegisterScopes([.. Clients.Scopes]);
                server.DisableAccessTokenEncryption();
                server.SetAccessTokenLifetime(configuration.GetValue("AccessTokenLifetime", TimeSpan.FromHours(1)));
                server.SetRefreshTokenLifetime(TimeSpan.FromDays(14));
                // Long enough for a client whose answer was lost, short enough to notice a thief.
                server.SetRefreshTokenReuseLeeway(configuration.GetValue("RefreshTokenReuseLeeway", TimeSpan.FromSeconds(15)));
                // Access tokens are checked by their signature alone: the database need not know them.
                server.AddEventHandler<GenerateTokenContext>(handler => handler
                    .UseInlineHandler(context =>
                    {
                        if (context.TokenType is OpenIddictConstants.TokenTypeIdentifiers.AccessToken)
                            context.CreateTokenEntry = false;
                        return default;
                    })
                    .SetOrder(OpenIddictServerHandlers.Protection.CreateTokenEntry.Descriptor.Order - 1));
                // TLS ends at the ingress.
                server.UseAspNetCore().EnableTokenEndpointPassthrough().DisableTransportSecurityRequirement();
            });
    }

    /// <summary>Until the keys are there, which takes the database, nothing can be answered.</summary>
    public static void UseKeys(this WebApplication app)
    {
        var keys = app.Services.GetRequiredService<KeyRing>();
        app.Services.GetRequiredService<Readiness>().Require(() => keys.IsLoaded);
        app.Use(async (context, next) =>
        {
            if (keys.IsLoaded || context.Request.Path.StartsWithSegments("/health") || context.Request.Path == "/metrics")
                await next(context);
            else
                await TypedResults.Problem("The signing keys are not there yet.", statusCode: StatusCodes.Status503ServiceUnavailable).ExecuteAsync(context);
        });
    }
}

/// <summary>Deletes tokens and authorizations that ended, every hour; any number of replicas may do so.</summary>
internal sealed partial class Pruning(IServiceScopeFactory scopes, IConfiguration configuration, TimeProvider time, ILogger<Pruning> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(configuration.GetValue("Identity:PruneEvery", TimeSpan.FromHours(1)), time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await using var scope = scopes.CreateAsyncScope();
                // Those that are redeemed stay for as long as a second use of theirs has to be noticed.
                var threshold = time.GetUtcNow() - configuration.GetValue("Identity:PruneAfter", TimeSpan.FromDays(14));
                var tokens = await scope.ServiceProvider.GetRequiredService<IOpenIddictTokenManager>().PruneAsync(threshold, stoppingToken);
                var authorizations = await scope.ServiceProvider.GetRequiredService<IOpenIddictAuthorizationManager>().PruneAsync(threshold, stoppingToken);
                LogPruned(tokens, authorizations);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogNotPruned(e.Message);
            }
        }
    }

    [LoggerMessage(LogLevel.Information, "{Tokens} tokens and {Authorizations} authorizations that had ended were deleted")]
    private partial void LogPruned(long tokens, long authorizations);

    [LoggerMessage(LogLevel.Warning, "Nothing was pruned: {Reason}")]
    private partial void LogNotPruned(string reason);
}
