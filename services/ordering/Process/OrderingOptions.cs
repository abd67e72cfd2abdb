namespace ShopMesh.Ordering.Process;

/// <summary>The configuration section <c>Ordering</c>.</summary>
internal sealed class OrderingOptions
{
    /// <summary>How long after its confirmation an order is dispatched: until then it can be cancelled.</summary>
    public TimeSpan DispatchDelay { get; set; } = TimeSpan.FromSeconds(3);
}

internal static class OrderProcessRegistration
{
    public static void AddOrderProcess(this WebApplicationBuilder builder)
    {
        builder.Services.Configure<OrderingOptions>(builder.Configuration.GetSection("Ordering"));
        builder.Services.AddSingleton<OrderMetrics>();
        builder.Services.AddSingleton<OrderProcess>();
        builder.Services.AddSingleton<OrderQueue>();
        builder.Services.AddSingleton<OrderWorker>();
        builder.Services.AddHostedService(services => services.GetRequiredService<OrderWorker>());
    }
}
