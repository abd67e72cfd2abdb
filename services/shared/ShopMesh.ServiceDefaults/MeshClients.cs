using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client.Balancer;
using Grpc.Net.Client.Configuration;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace ShopMesh;

/// <summary>How services call each other: round robin over the pods, with this service's own token, a deadline on every call, and retries.</summary>
public static class MeshClients
{
    /// <summary>What a call may take, retries included, where the caller sets no deadline of its own.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Registers a client of <paramref name="service"/>, found at <c>Services:{service}</c>:
    /// <c>dns:///name:port</c>, looked up again every second, or <c>static:///host:port,host:port</c>.
    /// </summary>
    public static void AddMeshClient<TClient>(this WebApplicationBuilder builder, string service) where TClient : ClientBase
    {
        var services = builder.Services;
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ResolverFactory, HeadlessDnsResolverFactory>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<ResolverFactory, StaticListResolverFactory>());
        services.TryAddSingleton<ServiceToken>();
        services.AddHttpClient(ServiceToken.HttpClientName);
        services.AddOptions<ServiceTokenOptions>().Configure(options => options.Scopes.Add(service));

        services.AddGrpcClient<TClient>(options =>
            {
                options.Address = new(builder.Configuration[$"Services:{service}"] ?? $"dns:///{service}:8081");
                options.ChannelOptionsActions.Add(channel =>
                {
                    channel.Credentials = ChannelCredentials.Insecure;
                    channel.UnsafeUseInsecureChannelCallCredentials = true;
                    channel.InitialReconnectBackoff = TimeSpan.FromMilliseconds(200);
                    channel.MaxReconnectBackoff = TimeSpan.FromSeconds(1);
                    channel.ServiceConfig = new() { LoadBalancingConfigs = { new RoundRobinConfig() }, MethodConfigs = { RetryUnavailable } };
                });
            })
            // Without a timeout to connect: see docs/decisions/0016-no-timeout-to-connect.md before you set one.
            .ConfigurePrimaryHttpMessageHandler(() => new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                KeepAlivePingDelay = TimeSpan.FromSeconds(20),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
                // gRPC knows neither.
                AllowAutoRedirect = false,
                UseCookies = false,
            })
            // A call that fails is its caller's to log.
            .RemoveAllLoggers()
            .AddInterceptor(() => new DeadlineInterceptor())
            .AddCallCredentials(async (context, metadata, provider) =>
                metadata.Add("Authorization", $"Bearer {await provider.GetRequiredService<ServiceToken>().GetAsync(context.CancellationToken)}"));
        services.AddHostedService<FirstClient<TClient>>();
    }

    /// <summary>Every method inside the mesh is idempotent, so any of them may be asked again. The deadline spans the attempts.</summary>
    private static MethodConfig RetryUnavailable => new()
    {
        Names = { MethodName.Default },
        RetryPolicy = new()
        {
            MaxAttempts = 4,
            InitialBackoff = TimeSpan.FromMilliseconds(20),
            MaxBackoff = TimeSpan.FromMilliseconds(200),
            BackoffMultiplier = 3,
            RetryableStatusCodes = { StatusCode.Unavailable },
        },
    };

    /// <summary>
    /// Asks for a client before anyone else does, which makes the channel: two first requests at once would make two over one handler,
    /// which the second of them refuses (Grpc.Net.ClientFactory 2.85, <c>GrpcCallInvokerFactory</c>).
    /// </summary>
    private sealed class FirstClient<TClient>(IServiceProvider services) : IHostedService where TClient : ClientBase
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            services.GetRequiredService<TClient>();
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }

    private sealed class DeadlineInterceptor : Interceptor
    {
        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, context.Options.Deadline is null
                ? new(context.Method, context.Host, context.Options.WithDeadline(DateTime.UtcNow + DefaultDeadline))
                : context);
    }
}
